//! One attempt at a password, in the order of INV-6: permit from the pool, charge, hash, settle. What is
//! refused for load is never charged; what is charged is settled even when its caller has gone; a crash in
//! between costs one attempt and never gives one.

use aikagi_domain::credential::{CredentialKind, Epoch, LiveSecret};
use aikagi_domain::fault::InternalFault;
use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::Context;
use aikagi_hashing::{Hash, Permit, SecretBytes};
use aikagi_refusal::Failure;
use chrono::{DateTime, Utc};

use crate::Authentication;
use crate::measures;
use crate::store::{Charge, Charged};

/// An attempt that was charged, and what came of it.
pub(crate) struct Tried {
    pub(crate) charged: Charged,
    /// The password was right, and this secret of the account is live.
    pub(crate) right: Option<LiveSecret>,
}

impl Tried {
    /// LOGIN-2: this was the last attempt that there was, and it was wrong.
    pub(crate) fn spent_the_last(&self, service: &Authentication) -> bool {
        self.right.is_none()
            && self.charged.failures >= service.credential_rules.limit(self.charged.kind)
    }
}

impl Authentication {
    /// Charges an attempt and looks at the password. None when there is nothing to charge: no live
    /// secret, or none that `charge` allows. The caller settles.
    ///
    /// LOGIN-4: a fault of ours before the password was looked at gives the charge back.
    pub(crate) async fn attempt(
        &self,
        permit: &mut Permit,
        charge: Charge<'_>,
        password: &TypedPassword,
        now: DateTime<Utc>,
    ) -> Result<Option<Tried>, Failure> {
        let Some(charged) = self
            .store
            .charge(&charge, &self.credential_rules, now)
            .await?
        else {
            return Ok(None);
        };
        measures::charged(charged.kind);
        let number = charge.number;
        let hash = match self.stored_hash(number, &charged, now).await {
            Ok(hash) => hash,
            Err(failure) => {
                self.store.give_back(number, &charged).await?;
                return Err(failure);
            }
        };
        let secret = SecretBytes::from(password.expose());
        // INV-10: a temporary password that is gone from Redis costs the same as a wrong one.
        let matches = match &hash {
            Some(hash) => permit.verify(secret, hash).await?,
            None => permit.verify_decoy(secret).await?,
        };
        let live = charged.credential().live(now, &self.credential_rules);
        let right = matches
            .then_some(live)
            .filter(|live| !matches!(live, LiveSecret::None(_)));
        let tried = Tried { charged, right };
        if tried.spent_the_last(self) {
            measures::killed(tried.charged.kind);
        }
        Ok(Some(tried))
    }

    /// The hash of the one live secret (LOGIN-7), opened; none when Redis has lost it.
    async fn stored_hash(
        &self,
        number: &TelephoneNumber,
        charged: &Charged,
        now: DateTime<Utc>,
    ) -> Result<Option<Hash>, Failure> {
        match charged.kind {
            CredentialKind::None => Ok(None),
            CredentialKind::Temporary => {
                let record = self.ttl.temporary_passwords().get(number).await?;
                // INV-1: under any other epoch it is dead.
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
                    .ok_or(InternalFault("no permanent hash"))?;
                Ok(Some(
                    self.keys
                        .open_hash(permanent(number, charged.epoch), sealed)?,
                ))
            }
        }
    }
}

/// What a permanent password's hash is sealed for (INV-9).
pub(crate) fn permanent(number: &TelephoneNumber, epoch: Epoch) -> Context<'_> {
    Context::Permanent { number, epoch }
}
