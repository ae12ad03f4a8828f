//! Tries one password for one account, in the order of INV-6: take a permit, charge, hash, settle.
//!
//! A request that is shed is not charged. A charged attempt is settled even if the RPC is cancelled. A crash between
//! charge and settlement costs the account one attempt. It never gives the account an extra attempt.

use aikagi_domain::credential::{CredentialKind, Epoch, LiveSecret};
use aikagi_domain::fault::InternalFault;
use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::Context;
use aikagi_hashing::{Hash, Permit, SecretBytes};
use aikagi_refusal::Failure;
use aikagi_ttl::temporary_passwords::TemporaryRecord;
use chrono::{DateTime, Utc};

use crate::Authentication;
use crate::metrics;
use crate::store::{Charge, Charged};

/// A charged attempt after the comparison of the password.
pub(crate) struct VerifiedAttempt {
    pub(crate) charged: Charged,
    /// The live secret that the password matches; `None` if the password is wrong.
    pub(crate) right: Option<LiveSecret>,
    /// True if the stored hash has the cost of earlier settings (LOGIN-10).
    pub(crate) has_former_cost: bool,
}

impl Authentication {
    /// Charges an attempt and compares the password. The caller settles the attempt.
    ///
    /// Returns `None` if the account was not charged: no secret is live, no attempt is left, or the number is not on
    /// the line that `charge` names.
    ///
    /// LOGIN-4: after a fault before the comparison, the charge is refunded, even if it is not known whether the
    /// attempt was charged. LOGIN-5: every attempt reads Redis, also for a number without a temporary password. So a
    /// fault of Redis has the same response for every number.
    pub(crate) async fn attempt(
        &self,
        permit: &mut Permit,
        charge: Charge<'_>,
        password: &TypedPassword,
        now: DateTime<Utc>,
    ) -> Result<Option<VerifiedAttempt>, Failure> {
        let number = charge.number;
        let charged = self
            .store
            .charge(&charge, &self.credential_rules, now)
            .await;
        let charged = match charged {
            Ok(charged) => charged,
            Err(error) => {
                self.refunds.refund_if_charged(charge.open());
                return Err(error.into());
            }
        };
        let record = self.ttl.temporary_passwords().get(number).await;
        let Some(charged) = charged else {
            record?;
            return Ok(None);
        };
        metrics::charged(charged.kind);
        let hash = match record {
            Ok(record) => self.stored_hash(number, &charged, record, now),
            Err(error) => Err(error.into()),
        };
        let compared = match hash {
            Ok(hash) => {
                let former = hash
                    .as_ref()
                    .is_some_and(|hash| !permit.has_present_cost(hash));
                let compared = self.compare(permit, password, hash.as_ref()).await;
                compared.map(|matches| (matches, former))
            }
            Err(failure) => Err(failure),
        };
        let (matches, has_former_cost) = match compared {
            Ok(compared) => compared,
            Err(failure) => {
                self.refunds.refund(charged.open_charge(number)).await;
                return Err(failure);
            }
        };
        let live = charged.credential().live(now, &self.credential_rules);
        let right = matches
            .then_some(live)
            .filter(|live| !matches!(live, LiveSecret::None(_)));
        Ok(Some(VerifiedAttempt {
            charged,
            right,
            has_former_cost,
        }))
    }

    /// LOGIN-10: hashes a right permanent password again if its stored hash has a former cost, and seals the new hash.
    /// `None` if that is not needed, or if it fails. Then a later login tries it again.
    pub(crate) async fn renewed_hash(
        &self,
        permit: &mut Permit,
        number: &TelephoneNumber,
        attempt: &VerifiedAttempt,
        password: &TypedPassword,
    ) -> Option<Vec<u8>> {
        if !attempt.has_former_cost || !matches!(attempt.right, Some(LiveSecret::Permanent { .. }))
        {
            return None;
        }
        let hash = permit
            .hash(SecretBytes::from(password.expose()))
            .await
            .ok()?;
        let context = permanent(number, attempt.charged.epoch);
        self.keys.seal_hash(context, &hash).ok()
    }

    /// Opens the sealed hash of the live secret (LOGIN-7). `record` was read from Redis after the charge. Returns `None`
    /// if Redis has lost the temporary password.
    fn stored_hash(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
        record: Option<TemporaryRecord>,
        now: DateTime<Utc>,
    ) -> Result<Option<Hash>, Failure> {
        match charged.kind {
            CredentialKind::None => Ok(None),
            CredentialKind::Temporary => {
                // INV-1: a temporary password is valid only in its own epoch.
                let Some(record) =
                    record.filter(|record| record.epoch == charged.epoch && now < record.expires)
                else {
                    return Ok(None);
                };
                let context = Context::Temporary {
                    number,
                    epoch: charged.epoch,
                };
                Ok(Some(self.keys.open_hash(context, &record.sealed_hash)?))
            }
            CredentialKind::Permanent => {
                let sealed = charged
                    .permanent_hash
                    .as_deref()
                    .ok_or(InternalFault("a permanent credential has no hash"))?;
                Ok(Some(
                    self.keys
                        .open_hash(permanent(number, charged.epoch), sealed)?,
                ))
            }
        }
    }

    /// Compares a password with an opened hash, or with a decoy if there is none.
    async fn compare(
        &self,
        permit: &mut Permit,
        password: &TypedPassword,
        hash: Option<&Hash>,
    ) -> Result<bool, Failure> {
        match hash {
            Some(hash) => Ok(permit
                .verify(SecretBytes::from(password.expose()), hash)
                .await?),
            None => self.compare_with_decoy(permit, password).await,
        }
    }

    /// INV-10: opens and compares a decoy, so that a refusal without a hash takes as long as the refusal of a wrong
    /// password. Returns false.
    pub(crate) async fn compare_with_decoy(
        &self,
        permit: &mut Permit,
        password: &TypedPassword,
    ) -> Result<bool, Failure> {
        self.keys.open_decoy();
        Ok(permit
            .verify_decoy(SecretBytes::from(password.expose()))
            .await?)
    }
}

/// The context for which the hash of a permanent password is sealed (INV-9).
pub(crate) fn permanent(number: &TelephoneNumber, epoch: Epoch) -> Context<'_> {
    Context::Permanent { number, epoch }
}
