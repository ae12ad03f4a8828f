//! The input and the result of a turn of the call dialog.

use std::fmt;

use super::CallState;
use super::target::is_allowed;
use crate::guidance::{Guidance, GuidanceId};
use crate::password::TemporaryPassword;
use crate::telephone::TelephoneNumber;
use crate::unit::{AuthUnit, Line};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// The temporary password is set (IVR-8).
    Set,
    /// The caller made three invalid entries in one step (IVR-7).
    TooManyInvalid,
    /// The call cannot be accepted (IVR-11).
    Refused,
    /// The caller hung up.
    HungUp,
    /// The password could not be set. The caller has to dial again.
    Failed,
}

/// A step of the dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStep {
    /// The caller chooses the unit (IVR-1).
    Unit,
    /// The caller enters the target number (IVR-3).
    Target,
    /// The caller enters the eight digits (IVR-5).
    Password,
    /// The caller enters the eight digits again (IVR-6).
    Confirm,
}

/// The caller's reaction to the guidance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The pressed keys: digits, `*`, `#`. A final `#` is optional.
    Keys(&'a str),
    /// The caller pressed no key before the time-out.
    Silence,
}

/// What the IVR platform does after the guidance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Collects an entry.
    Collect {
        /// The step that the entry belongs to.
        step: CallStep,
        /// The maximum number of digits.
        max_digits: u8,
        /// True if `#` ends the entry.
        ends_with_hash: bool,
    },
    /// Ends the call.
    End(CallOutcome),
}

/// A request to set a temporary password for an account (IVR-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The chosen unit.
    pub unit: AuthUnit,
    /// The account.
    pub target: TelephoneNumber,
    /// The temporary password.
    pub password: TemporaryPassword,
}

/// The result of an entry.
///
/// If `set` is present, set that password first. Return this turn only if the password is committed. If the commit
/// fails, return [`Turn::failed`] instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The new state of the call.
    pub state: CallState,
    /// The guidance to play, in order.
    pub guidance: Vec<Guidance>,
    /// What the IVR platform does after the guidance.
    pub next: Next,
    /// The password to set before this turn is returned, and its account.
    pub set: Option<Setting>,
}

impl Entry<'_> {
    /// The keyed digits without a final `#`. `None` for silence and for entries with other keys.
    pub(super) fn digits(&self) -> Option<&str> {
        match self {
            Self::Keys(keys) => {
                let digits = keys.strip_suffix('#').unwrap_or(keys);
                digits
                    .bytes()
                    .all(|key| key.is_ascii_digit())
                    .then_some(digits)
            }
            Self::Silence => None,
        }
    }
}

// INV-8: the keys may be a password, so Debug does not print them.
impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys(_) => "Keys(..)",
            Self::Silence => "Silence",
        })
    }
}

impl Turn {
    /// The turn to return if the password could not be set: the guidance asks the caller to dial again.
    #[must_use]
    pub fn failed() -> Self {
        Self::end(
            CallOutcome::Failed,
            vec![Guidance::plain(GuidanceId::TryLater)],
        )
    }

    pub(super) fn refused() -> Self {
        Self::end(
            CallOutcome::Refused,
            vec![Guidance::plain(GuidanceId::CallRefused)],
        )
    }

    pub(super) fn end(outcome: CallOutcome, guidance: Vec<Guidance>) -> Self {
        Self {
            state: CallState::Ended { outcome },
            guidance,
            next: Next::End(outcome),
            set: None,
        }
    }

    /// IVR-8: the turn that sets the password. If the line has changed during the call and the target is
    /// no longer allowed, the turn sets nothing.
    pub(super) fn success(caller: &TelephoneNumber, line: &Line, setting: Setting) -> Self {
        if !is_allowed(caller, line, setting.unit, &setting.target) {
            return Self::failed();
        }
        let guidance = Guidance::about(GuidanceId::PasswordSet, &setting.target);
        Self {
            set: Some(setting),
            ..Self::end(CallOutcome::Set, vec![guidance])
        }
    }
}
