//! Changing the auth unit (section 6 of the specification): what is offered, what is asked for, and who logs in
//! afterwards.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::credential::{Credential, CredentialRules, Epoch, LiveSecret};
use crate::session;
use crate::telephone::TelephoneNumber;
use crate::unit::{AuthUnit, Line, Role, UnitState};

#[cfg(test)]
mod tests;

/// MIG-1: the migrations that the site offers, from a unit to a unit. There are no others.
pub const OFFERED: [(AuthUnit, AuthUnit); 4] = [
    (AuthUnit::Number, AuthUnit::Line),
    (AuthUnit::Line, AuthUnit::Number),
    (AuthUnit::Number, AuthUnit::AdminUser),
    (AuthUnit::Line, AuthUnit::AdminUser),
];

/// A migration of one line as it stands: two that are equal ask for the same and do the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitMigrationPlan {
    /// The present unit.
    pub from: AuthUnit,
    /// The unit wanted.
    pub to: AuthUnit,
    /// MIG-2: the accounts of the present unit, whose passwords are entered.
    pub required_numbers: Vec<TelephoneNumber>,
    /// MIG-3, MIG-6: who logs in afterwards, all with the password of the session that migrates.
    pub logins: Vec<Login>,
    /// The numbers that are no account afterwards: their credentials are voided.
    pub voided: Vec<TelephoneNumber>,
}

/// Somebody who logs in after a migration (UNIT-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The number to log in with.
    pub number: TelephoneNumber,
    /// What the account is then.
    pub role: Role,
    /// The numbers whose settings it may change.
    pub scope: Vec<TelephoneNumber>,
}

/// The site does not offer this migration (MIG-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this migration is not offered")]
pub struct NotOffered {
    /// The line's unit; none when none is established.
    pub from: Option<AuthUnit>,
    /// The unit wanted.
    pub to: AuthUnit,
}

/// How the numbers given differ from those asked for (MIG-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberMismatch {
    /// The number at this place is none that is asked for: of this line or of another, it is not said which.
    NotRequired(usize),
    /// The number at this place was given before.
    Duplicate(usize),
    /// A number that is asked for was not given.
    Missing,
}

impl UnitMigrationPlan {
    /// MIG-1: the migration of a line to a unit, if the site offers it. Only an established unit is left by
    /// migration; another one is left by telephone (UNIT-2).
    pub fn new(line: &Line, to: AuthUnit) -> Result<Self, NotOffered> {
        let from = match line.state {
            UnitState::Established(from) => Some(from),
            UnitState::Unset | UnitState::Chosen(_) => None,
        };
        let from = from
            .filter(|from| OFFERED.contains(&(*from, to)))
            .ok_or(NotOffered { from, to })?;
        let mut logins = Vec::new();
        let mut voided = Vec::new();
        for number in line.members.iter().map(|member| &member.number) {
            match line.role(to, number).zip(line.scope(to, number)) {
                Some((role, scope)) => logins.push(Login {
                    number: number.clone(),
                    role,
                    scope,
                }),
                None => voided.push(number.clone()),
            }
        }
        Ok(Self {
            from,
            to,
            required_numbers: line.accounts(from),
            logins,
            voided,
        })
    }

    /// MIG-2, MIG-5: whether the numbers given are those asked for, each once. Tells all that is wrong.
    pub fn check_numbers(&self, given: &[TelephoneNumber]) -> Result<(), Vec<NumberMismatch>> {
        let required_numbers: BTreeSet<_> = self.required_numbers.iter().collect();
        let mut seen = BTreeSet::new();
        let mut wrong = Vec::new();
        for (place, number) in given.iter().enumerate() {
            if !required_numbers.contains(number) {
                wrong.push(NumberMismatch::NotRequired(place));
            } else if !seen.insert(number) {
                wrong.push(NumberMismatch::Duplicate(place));
            }
        }
        if seen.len() < required_numbers.len() {
            wrong.push(NumberMismatch::Missing);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// MIG-5: an account can be migrated while its permanent password is live, though it is expired (PW-3), and
/// attempts are left.
pub fn is_ready(credential: &Credential, now: DateTime<Utc>, rules: &CredentialRules) -> bool {
    let permanent = match credential.live(now, rules) {
        LiveSecret::Permanent { .. } => true,
        LiveSecret::None(_) | LiveSecret::Temporary { .. } => false,
    };
    permanent && credential.may_be_tried(now, rules)
}

/// SESS-5: names the state of a line and of all its accounts that a preview shows. Every change of one of them
/// is another one: each draws an epoch that is newer than all before it (INV-1).
pub fn revision(line_version: i64, accounts: impl IntoIterator<Item = Epoch>) -> String {
    let newest = accounts.into_iter().max().unwrap_or(Epoch(0));
    session::revision(line_version, newest)
}
