//! The passwords that a migration is decided on, and whether they are right (MIG-2, MIG-5).

use std::collections::BTreeMap;

use aikagi_api::authentication::v1::VerifyPasswordRequest;
use aikagi_api::units::v1::{AccountPassword, CredentialKind};
use aikagi_domain::credential::Epoch;
use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit_migration::{NumberMismatch, UnitMigrationPlan};
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use super::Migrations;
use super::session::Opened;

/// An account's password as it was entered.
pub(super) struct Entered {
    pub(super) number: TelephoneNumber,
    pub(super) password: TypedPassword,
}

/// The field of an entry, by its place in the request.
fn field(place: usize) -> String {
    format!("passwords[{place}]")
}

/// Takes what was entered out of its messages, which keep nothing of it (INV-8).
pub(super) fn entered(passwords: Vec<AccountPassword>) -> Result<Vec<Entered>, Refusal> {
    let entered = |(place, mut entry): (usize, AccountPassword)| {
        Ok(Entered {
            number: fields::number(field(place), &entry.number)?,
            password: fields::typed_password(field(place), &mut entry.password)?,
        })
    };
    passwords.into_iter().enumerate().map(entered).collect()
}

/// MIG-5: the numbers are those asked for, each once.
pub(super) fn check_numbers(plan: &UnitMigrationPlan, entries: &[Entered]) -> Result<(), Refusal> {
    let numbers: Vec<_> = entries.iter().map(|entry| entry.number.clone()).collect();
    plan.check_numbers(&numbers).map_err(|wrong| {
        let refusal = Refusal::new(ErrorReason::InvalidField);
        wrong
            .into_iter()
            .fold(refusal, |refusal, wrong| match wrong {
                NumberMismatch::NotRequired(place) => {
                    refusal.field(field(place), "not a number whose password is asked for")
                }
                NumberMismatch::Duplicate(place) => {
                    refusal.field(field(place), "the same number twice")
                }
                NumberMismatch::Missing => refusal.field("passwords", "a number is left out"),
            })
    })
}

/// MIG-5: the accounts without a live permanent password, by their places.
pub(super) fn not_ready(unready: &[TelephoneNumber], entries: &[Entered]) -> Refusal {
    let masked: Vec<String> = unready.iter().map(TelephoneNumber::masked).collect();
    let refusal = Refusal::new(ErrorReason::AccountsNotReady).with("numbers", masked.join(","));
    entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| unready.contains(&entry.number))
        .fold(refusal, |refusal, (place, _)| {
            refusal.field(field(place), "no live permanent password")
        })
}

/// Whether a refusal is of the password itself: wrong, or the account has none any more.
fn is_of_password(reason: ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::PasswordWrong | ErrorReason::PasswordDead
    )
}

/// MIG-5: the passwords that were not right, by their places, and why each was not.
fn not_right(places: &[(usize, ErrorReason)]) -> Refusal {
    let dead = places
        .iter()
        .any(|(_, reason)| *reason == ErrorReason::PasswordDead);
    let refusal = Refusal::new(if dead {
        ErrorReason::PasswordDead
    } else {
        ErrorReason::PasswordWrong
    });
    places.iter().fold(refusal, |refusal, (place, reason)| {
        let is_dead = *reason == ErrorReason::PasswordDead;
        let description = if is_dead { "dead" } else { "wrong" };
        refusal.field_for(field(*place), *reason, description)
    })
}

impl Migrations {
    /// MIG-5, LOGIN-6: verifies all passwords, those after a wrong one too, so that each wrong one is charged and
    /// named. The answer is the credential that each has proven.
    ///
    /// An attempt that spends a number's last ends the session (SESS-2), and no password after it is looked at.
    pub(super) async fn verify(
        &self,
        session: &Opened,
        entries: &[Entered],
    ) -> Result<BTreeMap<TelephoneNumber, Epoch>, Failure> {
        let mut proven = BTreeMap::new();
        let mut places = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            match self.verify_one(session, entry).await {
                Ok(epoch) => {
                    proven.insert(entry.number.clone(), epoch);
                }
                Err(Failure::Refused(refusal)) if is_of_password(refusal.reason()) => {
                    places.push((place, refusal.reason()));
                }
                // What was charged is told, whatever came after it.
                Err(failure) if !places.is_empty() => {
                    failure.report();
                    break;
                }
                Err(failure) => return Err(failure),
            }
        }
        if !places.is_empty() {
            return Err(not_right(&places).into());
        }
        // INV-1: the password is right, but not of the credential that the session was opened under.
        if proven.get(&session.account) != Some(&session.epoch) {
            return Err(Refusal::new(ErrorReason::ChangedMeanwhile).into());
        }
        Ok(proven)
    }

    async fn verify_one(&self, session: &Opened, entry: &Entered) -> Result<Epoch, Failure> {
        let request = VerifyPasswordRequest {
            session_token: session.token.to_string(),
            number: entry.number.as_str().to_owned(),
            password: String::from_utf8_lossy(entry.password.expose()).into_owned(),
        };
        let answer = self.authentication.clone().verify_password(request).await;
        let verified = answer
            .map_err(|status| Failure::forwarded(&status))?
            .into_inner();
        // It was permanent a moment ago.
        if verified.kind() != CredentialKind::Permanent {
            return Err(Refusal::new(ErrorReason::ChangedMeanwhile).into());
        }
        Ok(Epoch(verified.epoch))
    }
}
