//! Lines, their numbers, and the accounts that log in on them (UNIT-1, UNIT-2).

use serde::{Deserialize, Serialize};

use crate::telephone::TelephoneNumber;

#[cfg(test)]
mod tests;

/// Who logs in on a line (UNIT-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthUnit {
    /// 回線単位: the contract number logs in and manages every subscribed number.
    Line,
    /// 電話番号単位: each subscribed number logs in and manages itself.
    Number,
    /// 管理者/ユーザ単位: the contract number logs in and manages every subscribed number; each subscribed additional
    /// number logs in and manages itself.
    AdminUser,
}

/// The text is not the name of a unit or of a credential kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

impl AuthUnit {
    /// All units.
    pub const ALL: [Self; 3] = [Self::Line, Self::Number, Self::AdminUser];

    /// The name stored in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line => "LINE",
            Self::Number => "NUMBER",
            Self::AdminUser => "ADMIN_USER",
        }
    }

    /// Parses the name stored in the ledger.
    pub fn parse(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|unit| unit.as_str() == text)
            .ok_or(UnknownName)
    }

    /// UNIT-1: the role of a number under this unit; `None` if the number is not an account.
    pub fn role(self, is_contract_number: bool, subscribed: bool) -> Option<Role> {
        match (self, is_contract_number) {
            (Self::Line, true) => Some(Role::Line),
            (Self::Line, false) => None,
            (Self::Number, _) => subscribed.then_some(Role::Number),
            (Self::AdminUser, true) => Some(Role::Administrator),
            (Self::AdminUser, false) => subscribed.then_some(Role::User),
        }
    }
}

/// The role of an account under its line's unit (UNIT-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The contract number under LINE.
    Line,
    /// A subscribed number under NUMBER.
    Number,
    /// The contract number under `ADMIN_USER`.
    Administrator,
    /// A subscribed additional number under `ADMIN_USER`.
    User,
}

impl Role {
    /// UNIT-1: the numbers whose settings the account may change. `subscribed` are the line's subscribed numbers.
    pub fn scope(
        self,
        account: &TelephoneNumber,
        subscribed: Vec<TelephoneNumber>,
    ) -> Vec<TelephoneNumber> {
        match self {
            Self::Line | Self::Administrator => subscribed,
            Self::Number | Self::User => vec![account.clone()],
        }
    }
}

/// A number of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The telephone number.
    pub number: TelephoneNumber,
    /// True if the number has the option service. Only then does it have settings.
    pub subscribed: bool,
}

/// The unit of a line, and whether a call may still change it (UNIT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitState {
    /// No unit. The first temporary password chooses one.
    Unset,
    /// Chosen by a temporary password. A later call may choose another unit.
    Chosen(AuthUnit),
    /// A permanent password was set under this unit, even if it is now killed or retired. A call can no longer
    /// change the unit.
    Established(AuthUnit),
}

/// The effect of a temporary password on the line's unit (UNIT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitChoice {
    /// The unit stays.
    Keep,
    /// The line gets its first unit.
    First,
    /// Another unit replaces the chosen one. The temporary passwords set under the old unit are voided.
    Replace,
}

/// Another unit is already established on the line (UNIT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another unit is established on the line")]
pub struct UnitEstablished;

impl UnitState {
    /// The unit, chosen or established.
    pub fn unit(self) -> Option<AuthUnit> {
        match self {
            Self::Unset => None,
            Self::Chosen(unit) | Self::Established(unit) => Some(unit),
        }
    }

    /// UNIT-2: the effect of choosing a unit by telephone. Fails if another unit is established.
    pub fn choose(self, wanted: AuthUnit) -> Result<UnitChoice, UnitEstablished> {
        match self {
            Self::Unset => Ok(UnitChoice::First),
            Self::Chosen(unit) | Self::Established(unit) if unit == wanted => Ok(UnitChoice::Keep),
            Self::Chosen(_) => Ok(UnitChoice::Replace),
            Self::Established(_) => Err(UnitEstablished),
        }
    }
}

/// A line: one contracted circuit with its numbers and its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The number that identifies the line.
    pub contract_number: TelephoneNumber,
    /// All numbers of the line, including the contract number.
    pub members: Vec<Member>,
    /// The line's unit.
    pub state: UnitState,
    /// True if the contract has ended.
    pub closed: bool,
    /// Increases by one with every change of the unit or of the numbers (SESS-5).
    pub version: i64,
}

impl Line {
    /// True if the number is on the line.
    pub fn has(&self, number: &TelephoneNumber) -> bool {
        self.members.iter().any(|member| member.number == *number)
    }

    /// True if the number is on the line and has the option service.
    pub fn is_subscribed(&self, number: &TelephoneNumber) -> bool {
        self.subscribed().any(|subscribed| subscribed == number)
    }

    /// UNIT-1: the role of a number under a unit; `None` if it is not an account.
    pub fn role(&self, unit: AuthUnit, number: &TelephoneNumber) -> Option<Role> {
        unit.role(*number == self.contract_number, self.is_subscribed(number))
    }

    /// UNIT-1: the accounts under a unit: the numbers that log in.
    pub fn accounts(&self, unit: AuthUnit) -> Vec<TelephoneNumber> {
        let numbers = self.members.iter().map(|member| &member.number);
        numbers
            .filter(|number| self.role(unit, number).is_some())
            .cloned()
            .collect()
    }

    /// UNIT-1: the numbers whose settings a session of this account may change; `None` if the number is not an account.
    pub fn scope(&self, unit: AuthUnit, number: &TelephoneNumber) -> Option<Vec<TelephoneNumber>> {
        let role = self.role(unit, number)?;
        Some(role.scope(number, self.subscribed().cloned().collect()))
    }

    fn subscribed(&self) -> impl Iterator<Item = &TelephoneNumber> {
        self.members
            .iter()
            .filter(|member| member.subscribed)
            .map(|member| &member.number)
    }
}
