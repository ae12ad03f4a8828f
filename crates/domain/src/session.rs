//! Sessions: what opens one, what it may do and what ends it (section 4 of the specification).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::credential::{Epoch, LiveSecret, later};
use crate::telephone::TelephoneNumber;
use crate::unit::Role;

#[cfg(test)]
mod tests;
mod token;

pub use token::{SessionToken, SessionTokenError, TokenDigest};

/// How long sessions last (SESS-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionRules {
    /// Unused for this long, a session ends.
    #[serde(with = "crate::duration_text")]
    pub idle: TimeDelta,
    /// However much it is used, a session ends this long after it was opened.
    #[serde(with = "crate::duration_text")]
    pub longest: TimeDelta,
}

impl Default for SessionRules {
    fn default() -> Self {
        Self {
            idle: TimeDelta::minutes(15),
            longest: TimeDelta::hours(12),
        }
    }
}

impl SessionRules {
    /// SESS-1: when a session used at this moment ends unless it is used again.
    pub fn idle_expires(&self, last_used: DateTime<Utc>) -> DateTime<Utc> {
        later(last_used, self.idle)
    }
}

/// Why a session may do nothing but change the password or log out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MustChange {
    /// A temporary password opened it (PW-4).
    Temporary,
    /// The permanent password is older than it may be (PW-3).
    Expired,
}

/// What a session may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAction {
    /// Change the password.
    ChangePassword,
    /// Log out.
    Logout,
    /// See the session itself.
    View,
    /// Change the settings of a number in scope (SESS-4).
    ChangeSettings,
    /// Change the auth unit (MIG-7).
    Migrate,
}

/// The account that has just proved itself at login, as the ledger describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenAccount {
    /// The account.
    pub account: TelephoneNumber,
    /// Its line's row.
    pub line_id: i64,
    /// Its credential's identity (INV-1).
    pub epoch: Epoch,
    /// Its generation of sessions (SESS-2).
    pub generation: i64,
    /// The login before this one (SESS-6).
    pub last_login: Option<DateTime<Utc>>,
    /// Wrong attempts between that login and this one (SESS-6).
    pub wrong_attempts: u32,
}

/// A session as it is stored. It serialises with the account's number in full: the store seals it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The account that logged in.
    pub account: TelephoneNumber,
    /// The line that the account was on.
    pub line_id: i64,
    /// The credential that opened it (INV-1).
    pub epoch: Epoch,
    /// The account's generation of sessions: an operator's word begins a new one (SESS-2).
    pub generation: i64,
    /// Why a change is demanded; none for a full session.
    pub must_change: Option<MustChange>,
    /// When it was opened.
    pub opened: DateTime<Utc>,
    /// When it ends in any case.
    pub ends: DateTime<Utc>,
    /// The login before the one that opened it (SESS-6).
    pub last_login: Option<DateTime<Utc>>,
    /// Wrong attempts between that login and this one (SESS-6).
    pub wrong_attempts: u32,
}

/// What the ledger says of a session's account at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// The line that the number is on.
    pub line_id: i64,
    /// The present credential (INV-1).
    pub epoch: Epoch,
    /// The present generation of sessions.
    pub generation: i64,
    /// What the number is under its line's unit; none when it is no account.
    pub role: Option<Role>,
    /// The line is closed.
    pub line_closed: bool,
    /// The session was logged out.
    pub ended: bool,
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionEnded {
    /// It was not used for a while (SESS-1).
    #[error("the session was not used for a while")]
    Idle,
    /// Its time is over (SESS-1).
    #[error("the session's time is over")]
    TooOld,
    /// The account's credential is another one now (SESS-2).
    #[error("the account's credential has changed")]
    Superseded,
    /// The number left the line, is no account any more, or the line closed (SESS-2).
    #[error("the number is no account any more")]
    NoAccount,
    /// It was logged out, by its owner or at an operator's word (SESS-2).
    #[error("the session was logged out")]
    LoggedOut,
}

impl SessionRecord {
    /// LOGIN-1, SESS-1, PW-3, PW-4: the session that a live secret opens at this moment; none when no
    /// secret is live. One opened by a temporary password ends no later than that password.
    pub fn open(
        proven: ProvenAccount,
        live: LiveSecret,
        now: DateTime<Utc>,
        rules: &SessionRules,
    ) -> Option<Self> {
        let longest = later(now, rules.longest);
        let (must_change, ends) = match live {
            LiveSecret::None(_) => return None,
            LiveSecret::Temporary { expires } => {
                (Some(MustChange::Temporary), longest.min(expires))
            }
            LiveSecret::Permanent { expired: true, .. } => (Some(MustChange::Expired), longest),
            LiveSecret::Permanent { expired: false, .. } => (None, longest),
        };
        Some(Self {
            account: proven.account,
            line_id: proven.line_id,
            epoch: proven.epoch,
            generation: proven.generation,
            must_change,
            opened: now,
            ends,
            last_login: proven.last_login,
            wrong_attempts: proven.wrong_attempts,
        })
    }

    /// SESS-1, SESS-2: whether the session is live at this moment, by what the ledger says of its
    /// account. Whatever Redis says about a session, this decides (INV-3).
    pub fn check(
        &self,
        now: DateTime<Utc>,
        last_used: DateTime<Utc>,
        state: &AccountState,
        rules: &SessionRules,
    ) -> Result<(), SessionEnded> {
        if now >= self.ends {
            return Err(SessionEnded::TooOld);
        }
        if now >= rules.idle_expires(last_used) {
            return Err(SessionEnded::Idle);
        }
        if state.ended || state.generation != self.generation {
            return Err(SessionEnded::LoggedOut);
        }
        if state.line_closed || state.role.is_none() || state.line_id != self.line_id {
            return Err(SessionEnded::NoAccount);
        }
        if state.epoch != self.epoch {
            return Err(SessionEnded::Superseded);
        }
        Ok(())
    }

    /// SESS-2: the session in which the password was changed goes on under the new credential, as a full
    /// one. It is not younger for it.
    #[must_use]
    pub fn rotate(&self, to_epoch: Epoch, rules: &SessionRules) -> Self {
        Self {
            epoch: to_epoch,
            must_change: None,
            ends: later(self.opened, rules.longest),
            ..self.clone()
        }
    }

    /// LOGIN-1, PW-4, MIG-7: a must-change session may do nothing but change the password or log out.
    pub fn may(&self, action: SessionAction) -> bool {
        match action {
            SessionAction::ChangePassword | SessionAction::Logout | SessionAction::View => true,
            SessionAction::ChangeSettings | SessionAction::Migrate => self.must_change.is_none(),
        }
    }
}

/// SESS-5: names the state of line and account that a view shows. Opaque to clients.
pub fn revision(line_version: i64, epoch: Epoch) -> String {
    format!("{line_version}-{}", epoch.0)
}
