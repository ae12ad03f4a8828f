//! Which secret of an account is live, and how many wrong attempts it bears (LOGIN-2, LOGIN-7).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::unit::UnknownName;

#[cfg(test)]
mod tests;

/// INV-1: names one identity of a number's credential. A new one is drawn whenever a temporary password
/// is set, the password changes, or the unit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// What a credential is (LOGIN-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// No password was set, or it was voided.
    None,
    /// A temporary password.
    Temporary,
    /// A permanent password.
    Permanent,
}

impl CredentialKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Temporary, Self::Permanent];

    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Temporary => "TEMPORARY",
            Self::Permanent => "PERMANENT",
        }
    }

    /// Reads the name in the ledger.
    pub fn parse(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownName)
    }
}

/// How long passwords live and how many wrong attempts they bear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialRules {
    /// Wrong attempts in a row that kill a temporary password (LOGIN-2).
    pub temporary_attempts: u32,
    /// Wrong attempts in a row that kill a permanent password (LOGIN-2).
    pub permanent_attempts: u32,
    /// How long a temporary password lives from the moment it is set (IVR-9).
    #[serde(with = "crate::duration_text")]
    pub temporary_lifetime: TimeDelta,
    /// How long a permanent password lives without a change (PW-3).
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
    /// LOGIN-2: the wrong attempts in a row that kill a password of this kind.
    pub fn limit(&self, kind: CredentialKind) -> u32 {
        match kind {
            CredentialKind::None => 0,
            CredentialKind::Temporary => self.temporary_attempts,
            CredentialKind::Permanent => self.permanent_attempts,
        }
    }

    /// IVR-9: when a temporary password set now ends.
    pub fn temporary_expires(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        later(now, self.temporary_lifetime)
    }

    /// PW-3: when a permanent password changed at this moment expires.
    pub fn permanent_expires(&self, changed: DateTime<Utc>) -> DateTime<Utc> {
        later(changed, self.permanent_lifetime)
    }
}

/// A moment some time later; the end of the calendar if it is beyond it.
pub(crate) fn later(moment: DateTime<Utc>, duration: TimeDelta) -> DateTime<Utc> {
    moment
        .checked_add_signed(duration)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The state of a number's credential, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// Its identity (INV-1).
    pub epoch: Epoch,
    /// Wrong attempts in a row counted against it (INV-2).
    pub failures: u32,
    /// It was killed by wrong attempts (LOGIN-2).
    pub killed: bool,
    /// When the temporary password ends; none for other kinds.
    pub temporary_expires: Option<DateTime<Utc>>,
    /// When the permanent password was last changed; none if there never was one.
    pub changed: Option<DateTime<Utc>>,
}

/// The one secret of an account that is live (LOGIN-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveSecret {
    /// None is.
    None(NoSecretReason),
    /// The temporary password.
    Temporary {
        /// When it ends.
        expires: DateTime<Utc>,
    },
    /// The permanent password.
    Permanent {
        /// When a change is demanded (PW-3).
        expires: DateTime<Utc>,
        /// That moment has come: the next login must change it.
        expired: bool,
    },
}

/// Why no secret is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSecretReason {
    /// None was ever set, or it was voided.
    NeverSet,
    /// Wrong attempts killed it (LOGIN-2).
    Killed,
    /// The temporary password's time is over (IVR-9).
    Expired,
}

impl Credential {
    /// LOGIN-2, LOGIN-7, IVR-9, PW-3: which secret is live at this moment.
    ///
    /// A temporary password lives strictly before its end. A permanent one never dies of age: from
    /// exactly its lifetime on it is live but expired.
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

    /// LOGIN-4, INV-2: whether one more attempt may be charged: a secret is live and attempts are left.
    /// With the last one charged and not yet settled nobody else gets one.
    pub fn may_be_tried(&self, now: DateTime<Utc>, rules: &CredentialRules) -> bool {
        !matches!(self.live(now, rules), LiveSecret::None(_)) && self.failures < self.limit(rules)
    }

    /// LOGIN-2: the wrong attempts in a row that kill it.
    pub fn limit(&self, rules: &CredentialRules) -> u32 {
        rules.limit(self.kind)
    }
}
