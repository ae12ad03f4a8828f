//! Explains to operators why a number can or cannot log in, and what to do (OPS-2). Subscribers never
//! see this.

use chrono::{DateTime, Utc};

use crate::credential::{Credential, CredentialRules, LiveSecret, NoSecretReason};
use crate::telephone::TelephoneNumber;
use crate::unit::Line;

#[cfg(test)]
mod tests;

/// The result for a number: it can log in, or the reason why it cannot. If several values apply, the
/// first in this order is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The number is on no line.
    UnknownNumber,
    /// The line is closed.
    LineClosed,
    /// The line has no unit: no temporary password was set since the line was added or its unit was reset (UNIT-2,
    /// OPS-2).
    NoUnit,
    /// The number is not subscribed. With the option service it would be an account (UNIT-1).
    NotSubscribed,
    /// Under the line's unit another number logs in for this one (UNIT-1).
    NotAnAccount,
    /// The account has no password.
    NoPassword,
    /// Wrong attempts have killed the password (LOGIN-2).
    Killed,
    /// The temporary password has expired (IVR-9).
    TemporaryExpired,
    /// The account can log in with its temporary password, unless Redis has lost that password
    /// (INV-3).
    Temporary,
    /// The account can log in with its permanent password and must then change it (PW-3).
    MustChange,
    /// The account can log in with its permanent password.
    Permanent,
}

/// What to do so that the number can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Set a temporary password by telephone. It works immediately.
    Call,
    /// Subscribe the number, then set a temporary password by telephone.
    Subscribe,
    /// Log in with an account of the line.
    UseAccount,
    /// Provision the number.
    Provision,
    /// Log in with the temporary password. If the correct password is refused, set a new one by telephone.
    LogInOrCall,
}

impl Verdict {
    /// OPS-2, UNIT-1, LOGIN-7: the verdict for a number at this moment. `found` is the number's line and
    /// credential; `None` if the number is on no line.
    pub fn of(
        number: &TelephoneNumber,
        found: Option<(&Line, &Credential)>,
        now: DateTime<Utc>,
        rules: &CredentialRules,
    ) -> Self {
        let Some((line, credential)) = found else {
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
            // All attempts are charged, and the last one is not settled yet.
            _ if !credential.may_be_tried(now, rules) => Self::Killed,
            LiveSecret::Temporary { .. } => Self::Temporary,
            LiveSecret::Permanent { expired: true, .. } => Self::MustChange,
            LiveSecret::Permanent { expired: false, .. } => Self::Permanent,
        }
    }

    /// OPS-2: what to do so that the number can log in; `None` if nothing is needed. After a password is
    /// killed, only a new temporary password helps.
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
