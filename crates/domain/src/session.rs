//! Sessions: how they are opened, what they may do and how they end (section 4 of the specification).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::credential::{Epoch, LiveSecret, later};
use crate::telephone::TelephoneNumber;
use crate::unit::Role;

#[cfg(test)]
mod tests;
mod token;

pub use token::{SessionId, SessionIdError, SessionToken, SessionTokenError, TokenDigest};

/// The lifetimes of sessions (SESS-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionRules {
    /// A session ends after this time without use.
    #[serde(with = "crate::duration_text")]
    pub idle: TimeDelta,
    /// A session ends this long after it was opened, even if it is in use.
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
    /// SESS-1: the end of a session that was last used at this moment.
    pub fn idle_expires(&self, last_used: DateTime<Utc>) -> DateTime<Utc> {
        later(last_used, self.idle)
    }

    /// SESS-1: the latest end of a session that was opened at this moment.
    pub fn longest_expires(&self, opened: DateTime<Utc>) -> DateTime<Utc> {
        later(opened, self.longest)
    }
}

/// SESS-7: the class of the device that opened a session, as its client claimed at login. No decision depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceClass {
    /// A desktop or notebook computer.
    Desktop,
    /// A smartphone or mobile telephone.
    Phone,
    /// A tablet.
    Tablet,
    /// Another device, a program, or unknown.
    #[default]
    #[serde(other)]
    Other,
}

/// Why a session may only change the password or log out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MustChange {
    /// The session was opened with a temporary password (PW-4).
    Temporary,
    /// The permanent password is expired (PW-3).
    Expired,
}

/// An action in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAction {
    /// Change the password.
    ChangePassword,
    /// Log out.
    Logout,
    /// View the session itself.
    View,
    /// Change the settings of a number in scope (SESS-4).
    ChangeSettings,
    /// Change the auth unit (MIG-7).
    Migrate,
    /// See and end the sessions of the account (SESS-7).
    ManageSessions,
    /// See the events of the account (SESS-8).
    ViewEvents,
}

/// An account whose password was just verified at login, with its data from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenAccount {
    /// The number of the account.
    pub account: TelephoneNumber,
    /// The id of its line.
    pub line_id: i64,
    /// The epoch of its credential (INV-1).
    pub epoch: Epoch,
    /// The generation of its sessions (SESS-2).
    pub generation: i64,
    /// The previous login (SESS-6).
    pub last_login: Option<DateTime<Utc>>,
    /// Wrong attempts since the previous login (SESS-6).
    pub wrong_attempts: u32,
    /// The class of the device (SESS-7).
    pub device: DeviceClass,
}

/// A stored session. Its serialised form contains the account's full number, so the store seals it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The account that logged in.
    pub account: TelephoneNumber,
    /// The line of the account at login.
    pub line_id: i64,
    /// The epoch of the credential that opened the session (INV-1).
    pub epoch: Epoch,
    /// The generation of the account's sessions (SESS-2). A new one begins when an operator ends all sessions of the
    /// account, or a subscriber ends all other ones (SESS-7).
    pub generation: i64,
    /// Why the password must be changed; `None` for a full session.
    pub must_change: Option<MustChange>,
    /// When the session was opened.
    pub opened: DateTime<Utc>,
    /// When the session ends at the latest.
    pub ends: DateTime<Utc>,
    /// The login before the one that opened the session (SESS-6).
    pub last_login: Option<DateTime<Utc>>,
    /// Wrong attempts between these two logins (SESS-6).
    pub wrong_attempts: u32,
    /// The class of the device (SESS-7). A record of version 0.1 has none.
    #[serde(default)]
    pub device: DeviceClass,
}

/// The present state of a session's account in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// The line of the number.
    pub line_id: i64,
    /// The present epoch of the credential (INV-1).
    pub epoch: Epoch,
    /// The present generation of sessions.
    pub generation: i64,
    /// The role of the number under its line's unit; `None` if it is not an account.
    pub role: Option<Role>,
    /// True if the line is closed.
    pub line_closed: bool,
    /// True if the ledger records the end of this one session, for example by a logout (SESS-2, SESS-7).
    pub ended: bool,
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionEnded {
    /// The session was not used for too long (SESS-1).
    #[error("the session was idle for too long")]
    Idle,
    /// The session has reached its maximum age (SESS-1).
    #[error("the session has reached its maximum age")]
    TooOld,
    /// The account's credential has changed (SESS-2).
    #[error("the account's credential has changed")]
    Superseded,
    /// The number was removed from the line, is no longer an account, or the line was closed (SESS-2).
    #[error("the number is no longer an account")]
    NoAccount,
    /// The session was ended: by its subscriber, by an operator, or by its own last wrong attempt (SESS-2, SESS-7).
    #[error("the session was logged out")]
    LoggedOut,
}

impl SessionRecord {
    /// LOGIN-1, SESS-1, PW-3, PW-4: opens a session with the live secret; `None` if no secret is live.
    ///
    /// If a temporary password opens the session, the session ends at the latest when that password
    /// expires.
    pub fn open(
        proven: ProvenAccount,
        live: LiveSecret,
        now: DateTime<Utc>,
        rules: &SessionRules,
    ) -> Option<Self> {
        let longest = rules.longest_expires(now);
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
            device: proven.device,
        })
    }

    /// SESS-1, SESS-2: checks that the session is live at this moment. `state` is its account's state in the ledger.
    ///
    /// This decision overrides whatever Redis contains about the session (INV-3).
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

    /// SESS-2: after a change of password, the same session continues under the new epoch as a full
    /// session. Its age does not start again.
    #[must_use]
    pub fn rotate(&self, to_epoch: Epoch, rules: &SessionRules) -> Self {
        Self {
            epoch: to_epoch,
            must_change: None,
            ends: rules.longest_expires(self.opened),
            ..self.clone()
        }
    }

    /// LOGIN-1, PW-4, MIG-7, SESS-7, SESS-8: true if this action is allowed in the session. In a must-change session only
    /// the change of the password, the logout and the view of the session are allowed.
    pub fn may(&self, action: SessionAction) -> bool {
        match action {
            SessionAction::ChangePassword | SessionAction::Logout | SessionAction::View => true,
            SessionAction::ChangeSettings
            | SessionAction::Migrate
            | SessionAction::ManageSessions
            | SessionAction::ViewEvents => self.must_change.is_none(),
        }
    }
}

/// SESS-5: the revision of a view. It identifies the state of the line and the account. Clients must not
/// interpret it.
pub fn revision(line_version: i64, epoch: Epoch) -> String {
    format!("{line_version}-{}", epoch.0)
}
