//! What goes into a turn of the call dialog and what comes out.

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
    /// Three invalid entries of one step (IVR-7).
    TooManyInvalid,
    /// The call cannot be accepted (IVR-11).
    Refused,
    /// The caller hung up.
    HungUp,
    /// It did not work; the caller dials again.
    Failed,
}

/// A step of the dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStep {
    /// The unit (IVR-1).
    Unit,
    /// The target's number (IVR-3).
    Target,
    /// The eight digits (IVR-5).
    Password,
    /// The eight digits again (IVR-6).
    Confirm,
}

/// What the caller did in answer to the guidance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// Keys were pressed: digits, `*`, `#`. A closing `#` may be there or not.
    Keys(&'a str),
    /// Nothing, until the time-out.
    Silence,
}

/// What the platform does after the guidance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Collects an entry.
    Collect {
        /// The step that it answers.
        step: CallStep,
        /// The most keys to take.
        max_digits: u8,
        /// `#` ends the entry.
        ends_with_hash: bool,
    },
    /// Ends the call.
    End(CallOutcome),
}

/// A temporary password to be set for an account (IVR-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The unit chosen.
    pub unit: AuthUnit,
    /// The account.
    pub target: TelephoneNumber,
    /// Its temporary password.
    pub password: TemporaryPassword,
}

/// The dialog's answer to an entry.
///
/// With a setting, this is the answer to give once the setting is committed; [`Turn::failed`] is the
/// answer to give if it could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Where the call stands now.
    pub state: CallState,
    /// What to play, one after another.
    pub guidance: Vec<Guidance>,
    /// What to do then.
    pub next: Next,
    /// What to set before this answer is true.
    pub set: Option<Setting>,
}

impl Entry<'_> {
    /// The digits keyed, without a closing `#`; none for silence or any other key.
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

// INV-8: keys may be a password.
impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys(_) => "Keys(..)",
            Self::Silence => "Silence",
        })
    }
}

impl Turn {
    /// The answer to give instead when the setting could not be committed: the caller hears that it did
    /// not work, and dials again.
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

    /// IVR-8. The line may have changed since the target was accepted; then nothing is set.
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
