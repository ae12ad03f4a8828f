//! The entered passwords of a unit migration, and their verification (MIG-2, MIG-5).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use aikagi_api::authentication::v1::VerifyPasswordRequest;
use aikagi_api::units::v1::{AccountPassword, CredentialKind};
use aikagi_domain::credential::Epoch;
use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit_migration::{NumberMismatch, UnitMigrationPlan};
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};
use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::UnitMigration;
use super::session::MigrationSession;

/// An account with the password that was entered for it.
pub(super) struct EnteredPassword {
    pub(super) number: TelephoneNumber,
    pub(super) password: TypedPassword,
}

/// The maximum number of entries that a refusal names one by one. All names of a refusal must fit into the headers of a
/// response.
const NAMED: usize = 64;

/// The path of an entry in the request, for field errors.
fn field(index: usize) -> String {
    format!("passwords[{index}]")
}

/// Reads the entries. The passwords are moved out of their messages (INV-8).
pub(super) fn parse(passwords: Vec<AccountPassword>) -> Result<Vec<EnteredPassword>, Refusal> {
    let parse_one = |(index, mut entry): (usize, AccountPassword)| {
        Ok(EnteredPassword {
            number: fields::number(field(index), &entry.number)?,
            password: fields::typed_password(field(index), &mut entry.password)?,
        })
    };
    passwords.into_iter().enumerate().map(parse_one).collect()
}

/// MIG-5: checks that the entries are the required numbers, each once.
pub(super) fn check_numbers(
    plan: &UnitMigrationPlan,
    entries: &[EnteredPassword],
) -> Result<(), Refusal> {
    let numbers: Vec<_> = entries.iter().map(|entry| entry.number.clone()).collect();
    plan.check_numbers(&numbers).map_err(|wrong| {
        let refusal = Refusal::new(ErrorReason::InvalidField);
        wrong
            .into_iter()
            .fold(refusal, |refusal, wrong| match wrong {
                NumberMismatch::NotRequired(index) => {
                    refusal.field(field(index), "is not one of the required numbers")
                }
                NumberMismatch::Duplicate(index) => {
                    refusal.field(field(index), "repeats the number of an earlier entry")
                }
                NumberMismatch::Missing => refusal.field("passwords", "a number is missing"),
            })
    })
}

/// MIG-5: the refusal that names the accounts without a live permanent password.
pub(super) fn not_ready(unready: &[TelephoneNumber], entries: &[EnteredPassword]) -> Refusal {
    let named = unready.iter().take(NAMED);
    let masked: Vec<String> = named.map(TelephoneNumber::masked).collect();
    let refusal = Refusal::new(ErrorReason::AccountsNotReady)
        .with("numbers", masked.join(","))
        .with("accounts", unready.len().to_string());
    entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| unready.contains(&entry.number))
        .take(NAMED)
        .fold(refusal, |refusal, (index, _)| {
            refusal.field(field(index), "has no live permanent password")
        })
}

/// True if the reason is that the password is wrong, or that the account has no live password.
fn is_of_password(reason: ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::PasswordWrong | ErrorReason::PasswordDead
    )
}

/// MIG-5: the refusal that names each wrong password with its reason.
fn wrong_passwords(wrong: &[(usize, ErrorReason)]) -> Refusal {
    let any_dead = wrong
        .iter()
        .any(|(_, reason)| *reason == ErrorReason::PasswordDead);
    let refusal = Refusal::new(if any_dead {
        ErrorReason::PasswordDead
    } else {
        ErrorReason::PasswordWrong
    })
    .with("wrong", wrong.len().to_string());
    wrong
        .iter()
        .take(NAMED)
        .fold(refusal, |refusal, (index, reason)| {
            let is_dead = *reason == ErrorReason::PasswordDead;
            let description = if is_dead {
                "has no live password"
            } else {
                "wrong"
            };
            refusal.field_for(field(*index), *reason, description)
        })
}

impl UnitMigration {
    /// MIG-5, LOGIN-6: verifies all passwords. A wrong password does not stop the verification, so that each wrong one
    /// is charged and named. Returns the epoch of each verified credential.
    ///
    /// If a wrong password uses up the attempts of a number, the session ends (SESS-2) and no further
    /// verification begins.
    pub(super) async fn verify(
        &self,
        session: &MigrationSession,
        entries: &[EnteredPassword],
    ) -> Result<BTreeMap<TelephoneNumber, Epoch>, Failure> {
        let mut proven = BTreeMap::new();
        let mut wrong = Vec::new();
        let mut failed = None;
        for (index, entry, result) in self.verify_each(session, entries).await {
            match result {
                Ok(epoch) => {
                    proven.insert(entry.number.clone(), epoch);
                }
                Err(Failure::Refused(refusal)) if is_of_password(refusal.reason()) => {
                    wrong.push((index, refusal.reason()));
                }
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        match failed {
            Some(failure) if wrong.is_empty() => return Err(failure),
            // The response must name the charged attempts, even if another verification failed.
            Some(failure) => failure.report(),
            None => {}
        }
        if !wrong.is_empty() {
            return Err(wrong_passwords(&wrong).into());
        }
        // INV-1: a right password is not enough if the credential has changed since the session was opened.
        if proven.get(&session.account) != Some(&session.epoch) {
            return Err(Refusal::new(ErrorReason::ChangedMeanwhile).into());
        }
        Ok(proven)
    }

    /// Verifies the passwords, a few in parallel. Returns the results with the indexes of their entries, in the order
    /// of the entries.
    ///
    /// After a failure that is not about a password, no further verification begins. Verifications in progress run to
    /// their end, because their attempts are charged.
    async fn verify_each<'a>(
        &self,
        session: &MigrationSession,
        entries: &'a [EnteredPassword],
    ) -> Vec<(usize, &'a EnteredPassword, Result<Epoch, Failure>)> {
        let failed = AtomicBool::new(false);
        let verifications: Vec<_> = entries
            .iter()
            .map(|entry| self.verify_unless(&failed, session, entry).boxed())
            .collect();
        let results: Vec<_> = stream::iter(verifications)
            .buffered(self.bounds.parallel)
            .collect()
            .await;
        let results = results.into_iter().zip(entries).enumerate();
        results
            .filter_map(|(index, (result, entry))| Some((index, entry, result?)))
            .collect()
    }

    /// Verifies a password. Sets `failed` after a failure that is not about the password. If `failed` is already set,
    /// returns `None` and verifies nothing.
    async fn verify_unless(
        &self,
        failed: &AtomicBool,
        session: &MigrationSession,
        entry: &EnteredPassword,
    ) -> Option<Result<Epoch, Failure>> {
        if failed.load(Ordering::Relaxed) {
            return None;
        }
        let result = self.verify_one(session, entry).await;
        match &result {
            Ok(_) => {}
            Err(Failure::Refused(refusal)) if is_of_password(refusal.reason()) => {}
            Err(_) => failed.store(true, Ordering::Relaxed),
        }
        Some(result)
    }

    async fn verify_one(
        &self,
        session: &MigrationSession,
        entry: &EnteredPassword,
    ) -> Result<Epoch, Failure> {
        let request = VerifyPasswordRequest {
            session_token: session.token.to_string(),
            number: entry.number.as_str().to_owned(),
            password: String::from_utf8_lossy(entry.password.expose()).into_owned(),
        };
        let response = self.authentication.clone().verify_password(request).await;
        let verified = response
            .map_err(|status| Failure::forwarded(&status))?
            .into_inner();
        // The credential was permanent when `offer` read it. Any other kind means that it has changed since then.
        if verified.kind() != CredentialKind::Permanent {
            return Err(Refusal::new(ErrorReason::ChangedMeanwhile).into());
        }
        Ok(Epoch(verified.epoch))
    }
}
