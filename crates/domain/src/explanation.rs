//! Why a number can or cannot log in, and what would help: for operators only (OPS-2).

use chrono::{DateTime, Utc};

use crate::credential::{Credential, CredentialRules, LiveSecret, NoSecretReason};
use crate::telephone::TelephoneNumber;
use crate::unit::Line;

#[cfg(test)]
mod tests;

/// Whether a number can log in at a moment, and if not, why: the first of these that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is on no line.
    UnknownNumber,
    /// Its line is closed.
    LineClosed,
    /// Its line has no unit yet (UNIT-2).
    NoUnit,
    /// It would be an account if it had the option service (UNIT-1).
    NotSubscribed,
    /// Under the line's unit another number logs in for it (UNIT-1).
    NotAnAccount,
    /// It has no password.
    NoPassword,
    /// Wrong attempts killed its password (LOGIN-2).
    Killed,
    /// Its temporary password is too old (IVR-9).
    TemporaryExpired,
    /// It can, with a temporary password, unless the cache has lost that (INV-3).
    Temporary,
    /// It can, with a permanent password, and must change it first (PW-3).
    MustChange,
    /// It can, with a permanent password.
    Permanent,
}

/// What would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A temporary password by telephone, which works at once.
    Call,
    /// Subscribe the number, then a call.
    Subscribe,
    /// Log in with one of the line's accounts.
    UseAccount,
    /// Provision the number.
    Provision,
    /// Log in with the temporary password; if a right one is refused, a call.
    LogInOrCall,
}

impl Verdict {
    /// OPS-2, UNIT-1, LOGIN-7: what holds of a number at this moment, by the line that it is on and its credential
    /// there.
    pub fn of(
        number: &TelephoneNumber,
        on: Option<(&Line, &Credential)>,
        now: DateTime<Utc>,
        rules: &CredentialRules,
    ) -> Self {
        let Some((line, credential)) = on else {
            return Self::UnknownNumber;
        };
        if line.closed {
            return Self::LineClosed;
        }
        let Some(unit) = line.state.unit() else {
            return Self::NoUnit;
        };
        if line.role(unit, number).is_none() {
            let would_be = unit.role(*number == line.contract_number, true);
            return if would_be.is_some() {
                Self::NotSubscribed
            } else {
                Self::NotAnAccount
            };
        }
        match credential.live(now, rules) {
            LiveSecret::None(NoSecretReason::NeverSet) => Self::NoPassword,
            LiveSecret::None(NoSecretReason::Killed) => Self::Killed,
            LiveSecret::None(NoSecretReason::Expired) => Self::TemporaryExpired,
            // The last attempt is charged, and not settled yet.
            _ if !credential.may_be_tried(now, rules) => Self::Killed,
            LiveSecret::Temporary { .. } => Self::Temporary,
            LiveSecret::Permanent { expired: true, .. } => Self::MustChange,
            LiveSecret::Permanent { expired: false, .. } => Self::Permanent,
        }
    }

    /// OPS-2: what would help; none when nothing is needed. Nothing lifts a killed password but a new temporary one.
    pub fn remedy(self) -> Option<Remedy> {
        match self {
            Self::UnknownNumber | Self::LineClosed => Some(Remedy::Provision),
            Self::NoUnit | Self::NoPassword | Self::Killed | Self::TemporaryExpired => {
                Some(Remedy::Call)
            }
            Self::NotSubscribed => Some(Remedy::Subscribe),
            Self::NotAnAccount => Some(Remedy::UseAccount),
            Self::Temporary => Some(Remedy::LogInOrCall),
            Self::MustChange | Self::Permanent => None,
        }
    }
}
