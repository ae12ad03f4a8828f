//! The live secret of an account, and its limit of wrong attempts (LOGIN-2, LOGIN-7).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::unit::UnknownName;

#[cfg(test)]
mod tests;

/// INV-1: identifies one state of a number's credential. The number gets a new epoch when a temporary password is set,
/// when the password is changed and when the unit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// The kind of a credential (LOGIN-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// No password: none was set, or it was voided.
    None,
    /// A temporary password.
    Temporary,
    /// A permanent password.
    Permanent,
}

impl CredentialKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::None, Self::Temporary, Self::Permanent];

    /// The name stored in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Temporary => "TEMPORARY",
            Self::Permanent => "PERMANENT",
        }
    }

    /// Parses the name stored in the ledger.
    pub fn parse(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownName)
    }
}

/// The lifetimes of passwords and their limits of wrong attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialRules {
    /// Wrong attempts in a row that kill a temporary password (LOGIN-2).
    pub temporary_attempts: u32,
    /// Wrong attempts in a row that kill a permanent password (LOGIN-2).
    pub permanent_attempts: u32,
    /// The lifetime of a temporary password from the moment it is set (IVR-9).
    #[serde(with = "crate::duration_text")]
    pub temporary_lifetime: TimeDelta,
    /// The age at which a permanent password expires, counted from its last change (PW-3).
    #[serde(with = "crate::duration_text")]
    pub permanent_lifetime: TimeDelta,
}

impl Default for CredentialRules {
    fn default() -> Self {
        Self {
            temporary_attempts: 3,
            permanent_attempts: 10,
            temporary_lifetime: TimeDelta::hours(24),
            permanent_lifetime: TimeDelta::days(60),
        }
    }
}

impl CredentialRules {
    /// LOGIN-2: the number of wrong attempts in a row that kills a password of this kind.
    pub fn limit(&self, kind: CredentialKind) -> u32 {
        match kind {
            CredentialKind::None => 0,
            CredentialKind::Temporary => self.temporary_attempts,
            CredentialKind::Permanent => self.permanent_attempts,
        }
    }

    /// IVR-9: the time at which a temporary password set now expires.
    pub fn temporary_expires(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        later(now, self.temporary_lifetime)
    }

    /// PW-3: the time at which a permanent password expires if it was last changed at `changed`.
    pub fn permanent_expires(&self, changed: DateTime<Utc>) -> DateTime<Utc> {
        later(changed, self.permanent_lifetime)
    }
}

/// Adds a duration to a moment. On overflow, returns the latest moment that `chrono` can represent.
pub(crate) fn later(moment: DateTime<Utc>, duration: TimeDelta) -> DateTime<Utc> {
    moment
        .checked_add_signed(duration)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The state of a number's credential, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The kind of the present password.
    pub kind: CredentialKind,
    /// The present epoch (INV-1).
    pub epoch: Epoch,
    /// The number of wrong attempts in a row, including charged attempts that are not settled (INV-2).
    pub failures: u32,
    /// True if wrong attempts killed the password (LOGIN-2).
    pub killed: bool,
    /// When the temporary password expires; `None` for other kinds.
    pub temporary_expires: Option<DateTime<Utc>>,
    /// When the permanent password was last changed; `None` if the number never had one.
    pub changed: Option<DateTime<Utc>>,
}

/// The live secret of an account, of which there is at most one (LOGIN-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveSecret {
    /// No secret is live.
    None(NoSecretReason),
    /// The temporary password is live.
    Temporary {
        /// When the temporary password expires.
        expires: DateTime<Utc>,
    },
    /// The permanent password is live.
    Permanent {
        /// From this moment on, the subscriber must change the password after a login (PW-3).
        expires: DateTime<Utc>,
        /// True if that moment has passed.
        expired: bool,
    },
}

/// Why no secret is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSecretReason {
    /// No password was ever set, or it was voided.
    NeverSet,
    /// Wrong attempts have killed the password (LOGIN-2).
    Killed,
    /// The temporary password has expired (IVR-9).
    Expired,
}

impl Credential {
    /// LOGIN-2, LOGIN-7, IVR-9, PW-3: the secret that is live at this moment.
    ///
    /// A temporary password is live only before the moment when it expires. A permanent password expires exactly at
    /// the end of its lifetime, and stays live after that.
    pub fn live(&self, now: DateTime<Utc>, rules: &CredentialRules) -> LiveSecret {
        match (self.kind, self.temporary_expires, self.changed) {
            (CredentialKind::None, _, _)
            | (CredentialKind::Temporary, None, _)
            | (CredentialKind::Permanent, _, None) => LiveSecret::None(NoSecretReason::NeverSet),
            _ if self.killed => LiveSecret::None(NoSecretReason::Killed),
            (CredentialKind::Temporary, Some(expires), _) if now < expires => {
                LiveSecret::Temporary { expires }
            }
            (CredentialKind::Temporary, Some(_), _) => LiveSecret::None(NoSecretReason::Expired),
            (CredentialKind::Permanent, _, Some(changed)) => {
                let expires = rules.permanent_expires(changed);
                LiveSecret::Permanent {
                    expires,
                    expired: now >= expires,
                }
            }
        }
    }

    /// LOGIN-4, INV-2: true if another attempt may be charged. A secret must be live, and attempts must
    /// be left.
    ///
    /// A charged attempt counts before it is settled. While the last attempt is charged, no other attempt is allowed.
    pub fn may_be_tried(&self, now: DateTime<Utc>, rules: &CredentialRules) -> bool {
        !matches!(self.live(now, rules), LiveSecret::None(_)) && self.failures < self.limit(rules)
    }

    /// LOGIN-2: the number of wrong attempts in a row that kills the password.
    pub fn limit(&self, rules: &CredentialRules) -> u32 {
        rules.limit(self.kind)
    }
}
