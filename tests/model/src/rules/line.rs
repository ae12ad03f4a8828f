//! Lines, and the accounts among their numbers (UNIT-1, UNIT-2).

use std::collections::BTreeMap;

use aikagi_api::timestamp;
use aikagi_api::units::v1::{self, AccountRole, AuthUnit, CredentialKind, LineNumber};

use super::{Account, Moment, Number, PERMANENT_LIFETIME, Secret};

/// A contracted circuit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// The contract number.
    pub contract: Number,
    /// All numbers, including the contract number.
    pub numbers: BTreeMap<Number, Account>,
    /// UNIT-2: the auth unit. `None` before the first temporary password.
    pub unit: Option<AuthUnit>,
    /// UNIT-2: when the first permanent password was set.
    pub established: Option<Moment>,
    /// IVR-11: when the contract ended.
    pub closed: Option<Moment>,
    /// SESS-5: the number of changes of the line, its unit or its numbers.
    pub changes: u32,
}

impl Line {
    /// UNIT-1: the role of a number under a unit.
    pub fn role_under(&self, unit: AuthUnit, number: Number) -> Option<AccountRole> {
        let subscribed = self.numbers.get(number)?.subscribed;
        match unit {
            AuthUnit::Unspecified => None,
            AuthUnit::Line => (number == self.contract).then_some(AccountRole::Line),
            AuthUnit::Number => subscribed.then_some(AccountRole::Number),
            AuthUnit::AdminUser if number == self.contract => Some(AccountRole::Administrator),
            AuthUnit::AdminUser => subscribed.then_some(AccountRole::User),
        }
    }

    /// UNIT-1: the role of a number under the line's own unit.
    pub fn role(&self, number: Number) -> Option<AccountRole> {
        self.unit.and_then(|unit| self.role_under(unit, number))
    }

    /// UNIT-1: the numbers that log in under a unit.
    pub fn accounts(&self, unit: AuthUnit) -> Vec<Number> {
        let numbers = self.in_order().into_iter();
        numbers
            .filter(|number| self.role_under(unit, number).is_some())
            .collect()
    }

    /// UNIT-1: the numbers whose settings an account in this role may change.
    pub fn scope(&self, role: AccountRole, number: Number) -> Vec<String> {
        let numbers = match role {
            AccountRole::Line | AccountRole::Administrator => self.in_order(),
            AccountRole::Number | AccountRole::User | AccountRole::Unspecified => vec![number],
        };
        let subscribed = numbers
            .into_iter()
            .filter(|number| self.numbers[number].subscribed);
        subscribed.map(str::to_owned).collect()
    }

    /// All numbers: the contract number first, then the others in order.
    pub fn in_order(&self) -> Vec<Number> {
        let mut numbers: Vec<Number> = self.numbers.keys().copied().collect();
        numbers.sort_by_key(|number| *number != self.contract);
        numbers
    }

    /// OPS-2: the line as an operator sees it.
    pub fn shown(&self) -> v1::Line {
        v1::Line {
            contract_number: self.contract.to_owned(),
            unit: self.unit.unwrap_or_default().into(),
            unit_established_time: self.established.map(timestamp),
            close_time: self.closed.map(timestamp),
            numbers: self
                .in_order()
                .into_iter()
                .map(|number| self.shown_number(number))
                .collect(),
        }
    }

    fn shown_number(&self, number: Number) -> LineNumber {
        let account = &self.numbers[number];
        let (kind, expires, changed) = match account.secret {
            Secret::None => (CredentialKind::None, None, None),
            Secret::Temporary { expires, .. } => (CredentialKind::Temporary, Some(expires), None),
            Secret::Permanent { changed, .. } => (CredentialKind::Permanent, None, Some(changed)),
        };
        LineNumber {
            number: number.to_owned(),
            subscribed: account.subscribed,
            role: self.role(number).unwrap_or_default().into(),
            credential_kind: kind.into(),
            failures: account.failures,
            open_charges: account.open_charges,
            kill_time: account.killed.map(timestamp),
            temporary_expire_time: expires.map(timestamp),
            change_time: changed.map(timestamp),
        }
    }
}

impl Account {
    /// PW-3: when the permanent password expires.
    pub fn password_expires(&self) -> Option<Moment> {
        match self.secret {
            Secret::Permanent { changed, .. } => Some(changed + PERMANENT_LIFETIME),
            Secret::None | Secret::Temporary { .. } => None,
        }
    }

    /// PW-3: true if the permanent password has expired.
    pub fn is_expired(&self, now: Moment) -> bool {
        self.password_expires().is_some_and(|moment| now >= moment)
    }
}
