//! Unit migration: a subscriber changes the line's auth unit (section 6 of the specification). These
//! rules decide which changes are offered, whose passwords they require, and who logs in afterwards.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::credential::{Credential, CredentialRules, Epoch, LiveSecret};
use crate::session;
use crate::telephone::TelephoneNumber;
use crate::unit::{AuthUnit, Line, Role, UnitState};

#[cfg(test)]
mod tests;

/// MIG-1: the unit migrations that the site offers, each from one unit to another. No others exist.
pub const OFFERED: [(AuthUnit, AuthUnit); 4] = [
    (AuthUnit::Number, AuthUnit::Line),
    (AuthUnit::Line, AuthUnit::Number),
    (AuthUnit::Number, AuthUnit::AdminUser),
    (AuthUnit::Line, AuthUnit::AdminUser),
];

/// What a unit migration requires and does, for one line in its present state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitMigrationPlan {
    /// The present unit.
    pub from: AuthUnit,
    /// The requested unit.
    pub to: AuthUnit,
    /// MIG-2: the accounts of the present unit. The subscriber must enter all their passwords.
    pub required_numbers: Vec<TelephoneNumber>,
    /// MIG-3, MIG-6: the accounts under the new unit. All get the password of the session that
    /// migrates.
    pub logins: Vec<Login>,
    /// The numbers that are not accounts under the new unit. Their credentials are voided.
    pub voided: Vec<TelephoneNumber>,
}

/// An account that logs in after a unit migration (UNIT-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The number to log in with.
    pub number: TelephoneNumber,
    /// The role of the account under the new unit.
    pub role: Role,
    /// The numbers whose settings the account may change.
    pub scope: Vec<TelephoneNumber>,
}

/// The site does not offer this unit migration (MIG-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this unit migration is not offered")]
pub struct NotOffered {
    /// The line's unit; `None` if no unit is established.
    pub from: Option<AuthUnit>,
    /// The requested unit.
    pub to: AuthUnit,
}

/// A difference between the given numbers and the required ones (MIG-5). An index counts the given numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberMismatch {
    /// The number at this index is not required. The value does not reveal whether the number is on
    /// this line.
    NotRequired(usize),
    /// The number at this index was already given.
    Duplicate(usize),
    /// A required number was not given.
    Missing,
}

impl UnitMigrationPlan {
    /// MIG-1: plans the unit migration of a line.
    ///
    /// Fails if the site does not offer it. Only a line with an established unit can be migrated; a chosen
    /// unit is replaced by telephone (UNIT-2).
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

    /// MIG-2, MIG-5: checks that each required number is given exactly once and no other number is given. The error lists
    /// all differences.
    pub fn check_numbers(&self, given: &[TelephoneNumber]) -> Result<(), Vec<NumberMismatch>> {
        let required_numbers: BTreeSet<_> = self.required_numbers.iter().collect();
        let mut seen = BTreeSet::new();
        let mut wrong = Vec::new();
        for (index, number) in given.iter().enumerate() {
            if !required_numbers.contains(number) {
                wrong.push(NumberMismatch::NotRequired(index));
            } else if !seen.insert(number) {
                wrong.push(NumberMismatch::Duplicate(index));
            }
        }
        if seen.len() < required_numbers.len() {
            wrong.push(NumberMismatch::Missing);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// MIG-5: true if the account can take part in a unit migration. Its permanent password must be live,
/// and attempts must be left. An expired password (PW-3) is live.
pub fn is_ready(credential: &Credential, now: DateTime<Utc>, rules: &CredentialRules) -> bool {
    let permanent = match credential.live(now, rules) {
        LiveSecret::Permanent { .. } => true,
        LiveSecret::None(_) | LiveSecret::Temporary { .. } => false,
    };
    permanent && credential.may_be_tried(now, rules)
}

/// SESS-5: the revision of a preview. It identifies the state of the line and the newest epoch of its
/// accounts.
///
/// A new epoch of any account results in another revision, because it is higher than all earlier epochs
/// (INV-1).
pub fn revision(line_version: i64, accounts: impl IntoIterator<Item = Epoch>) -> String {
    let newest = accounts.into_iter().max().unwrap_or(Epoch(0));
    session::revision(line_version, newest)
}
