//! Lines, their numbers, and who logs in on them (UNIT-1, UNIT-2).

use serde::{Deserialize, Serialize};

use crate::telephone::TelephoneNumber;

#[cfg(test)]
mod tests;

/// Who logs in on a line (UNIT-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthUnit {
    /// 回線単位: the contract number, for every subscribed number.
    Line,
    /// 電話番号単位: each subscribed number, for itself.
    Number,
    /// 管理者/ユーザ単位: the contract number for all, each subscribed additional number for itself.
    AdminUser,
}

/// A text that names no unit or kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an unknown name")]
pub struct UnknownName;

impl AuthUnit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Line, Self::Number, Self::AdminUser];

    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line => "LINE",
            Self::Number => "NUMBER",
            Self::AdminUser => "ADMIN_USER",
        }
    }

    /// Reads the name in the ledger.
    pub fn parse(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|unit| unit.as_str() == text)
            .ok_or(UnknownName)
    }

    /// UNIT-1: what a number of a line is under this unit, by whether it names the line and whether it
    /// is subscribed; none when it is no account.
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

/// What an account is under its line's unit (UNIT-1).
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
    /// UNIT-1: the numbers whose settings an account may change, of the line's subscribed numbers.
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
    /// It has the option service; only then has it settings.
    pub subscribed: bool,
}

/// How far a line has settled on a unit (UNIT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitState {
    /// A new line: the first temporary password chooses.
    Unset,
    /// Chosen by a temporary password; a later call may choose another.
    Chosen(AuthUnit),
    /// A permanent password exists: a telephone alone changes it no more.
    Established(AuthUnit),
}

/// What setting a temporary password does to the line's unit (UNIT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitChoice {
    /// The unit stays.
    Keep,
    /// The line gets its first unit.
    First,
    /// Another unit takes the chosen one's place, which voids the temporary passwords of the first.
    Replace,
}

/// The line's unit is established and is another one (UNIT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another unit is established on the line")]
pub struct UnitEstablished;

impl UnitState {
    /// The unit, if there is one.
    pub fn unit(self) -> Option<AuthUnit> {
        match self {
            Self::Unset => None,
            Self::Chosen(unit) | Self::Established(unit) => Some(unit),
        }
    }

    /// UNIT-2: what choosing a unit by telephone does. An established unit admits only itself.
    pub fn choose(self, wanted: AuthUnit) -> Result<UnitChoice, UnitEstablished> {
        match self {
            Self::Unset => Ok(UnitChoice::First),
            Self::Chosen(unit) | Self::Established(unit) if unit == wanted => Ok(UnitChoice::Keep),
            Self::Chosen(_) => Ok(UnitChoice::Replace),
            Self::Established(_) => Err(UnitEstablished),
        }
    }
}

/// One contracted circuit with its numbers and its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The number that names the line.
    pub contract_number: TelephoneNumber,
    /// Every number of the line, the contract number included.
    pub members: Vec<Member>,
    /// How far it has settled on a unit.
    pub state: UnitState,
    /// The contract has ended.
    pub closed: bool,
    /// One more with every change of the unit or of the numbers (SESS-5).
    pub version: i64,
}

impl Line {
    /// Whether the number is on the line.
    pub fn has(&self, number: &TelephoneNumber) -> bool {
        self.members.iter().any(|member| member.number == *number)
    }

    /// Whether the number is on the line and has the option service.
    pub fn is_subscribed(&self, number: &TelephoneNumber) -> bool {
        self.subscribed().any(|subscribed| subscribed == number)
    }

    /// UNIT-1: what a number is under a unit; none when it is no account.
    pub fn role(&self, unit: AuthUnit, number: &TelephoneNumber) -> Option<Role> {
        unit.role(*number == self.contract_number, self.is_subscribed(number))
    }

    /// UNIT-1: the numbers that log in under a unit.
    pub fn accounts(&self, unit: AuthUnit) -> Vec<TelephoneNumber> {
        let numbers = self.members.iter().map(|member| &member.number);
        numbers
            .filter(|number| self.role(unit, number).is_some())
            .cloned()
            .collect()
    }

    /// UNIT-1: the numbers whose settings a session of this account may change; none when the number
    /// is no account.
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
