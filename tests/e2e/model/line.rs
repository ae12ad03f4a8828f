//! Lines and who logs in on them (UNIT-1, UNIT-2).

use std::collections::BTreeMap;

use aikagi_api::timestamp;
use aikagi_api::units::v1::{self, AccountRole, AuthUnit, CredentialKind, LineNumber};

use super::{Account, Moment, Number, PERMANENT_LIFETIME, Secret};

/// A contracted circuit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    pub(crate) contract: Number,
    /// The contract number included.
    pub(crate) numbers: BTreeMap<Number, Account>,
    /// UNIT-2: none until the first temporary password.
    pub(crate) unit: Option<AuthUnit>,
    /// UNIT-2: since the first permanent password.
    pub(crate) established: Option<Moment>,
    pub(crate) closed: Option<Moment>,
    /// SESS-5: how often its unit or its numbers have changed.
    pub(crate) changes: u32,
}

impl Line {
    /// UNIT-1: what a number of the line is under a unit.
    pub(crate) fn role_under(&self, unit: AuthUnit, number: Number) -> Option<AccountRole> {
        let subscribed = self.numbers.get(number)?.subscribed;
        match unit {
            AuthUnit::Unspecified => None,
            AuthUnit::Line => (number == self.contract).then_some(AccountRole::Line),
            AuthUnit::Number => subscribed.then_some(AccountRole::Number),
            AuthUnit::AdminUser if number == self.contract => Some(AccountRole::Administrator),
            AuthUnit::AdminUser => subscribed.then_some(AccountRole::User),
        }
    }

    /// UNIT-1: what a number is under the line's own unit.
    pub(crate) fn role(&self, number: Number) -> Option<AccountRole> {
        self.unit.and_then(|unit| self.role_under(unit, number))
    }

    /// UNIT-1: the numbers that log in under a unit.
    pub(crate) fn accounts(&self, unit: AuthUnit) -> Vec<Number> {
        let numbers = self.in_order().into_iter();
        numbers
            .filter(|number| self.role_under(unit, number).is_some())
            .collect()
    }

    /// UNIT-1: the numbers whose settings an account in this role may change.
    pub(crate) fn scope(&self, role: AccountRole, number: Number) -> Vec<String> {
        let numbers = match role {
            AccountRole::Line | AccountRole::Administrator => self.in_order(),
            AccountRole::Number | AccountRole::User | AccountRole::Unspecified => vec![number],
        };
        let subscribed = numbers
            .into_iter()
            .filter(|number| self.numbers[number].subscribed);
        subscribed.map(str::to_owned).collect()
    }

    /// The contract number first, then the others in order.
    pub(crate) fn in_order(&self) -> Vec<Number> {
        let mut numbers: Vec<Number> = self.numbers.keys().copied().collect();
        numbers.sort_by_key(|number| *number != self.contract);
        numbers
    }

    /// OPS-2: what an operator sees.
    pub(crate) fn shown(&self) -> v1::Line {
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
            kill_time: account.killed.map(timestamp),
            temporary_expire_time: expires.map(timestamp),
            change_time: changed.map(timestamp),
        }
    }
}

impl Account {
    /// PW-3: when the permanent password expires.
    pub(crate) fn password_expires(&self) -> Option<Moment> {
        match self.secret {
            Secret::Permanent { changed, .. } => Some(changed + PERMANENT_LIFETIME),
            Secret::None | Secret::Temporary { .. } => None,
        }
    }

    /// PW-3: from that moment on.
    pub(crate) fn is_expired(&self, now: Moment) -> bool {
        self.password_expires().is_some_and(|moment| now >= moment)
    }
}
