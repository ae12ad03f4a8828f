//! The call dialog as a state machine (IVR-1 to IVR-8, IVR-11). A state and an entry result in a turn.
//!
//! The issuance service stores the state between turns and sets the password.

use crate::guidance::{Guidance, GuidanceId};
use crate::password::TemporaryPassword;
use crate::telephone::TelephoneNumber;
use crate::unit::{AuthUnit, Line};

mod target;
#[cfg(test)]
mod tests;
mod turn;

pub use target::{SettingDenial, Target, check_setting, target_for};
pub use turn::{CallOutcome, CallStep, Entry, Next, Setting, Turn};

/// IVR-7: the number of invalid entries in one step that ends the call.
pub const INVALID_LIMIT: u8 = 3;

/// The state of a call. `invalid` counts the invalid entries of the present step (IVR-7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallState {
    /// Waiting for the unit (IVR-1).
    Unit {
        /// Invalid entries in this step.
        invalid: u8,
    },
    /// Waiting for the target number (IVR-3, IVR-4).
    Target {
        /// The chosen unit.
        unit: AuthUnit,
        /// Invalid entries in this step.
        invalid: u8,
    },
    /// Waiting for the eight digits (IVR-5).
    Password {
        /// The chosen unit.
        unit: AuthUnit,
        /// The account that gets the temporary password.
        target: TelephoneNumber,
        /// Invalid entries in this step.
        invalid: u8,
    },
    /// Waiting for the eight digits again (IVR-6).
    Confirm {
        /// The chosen unit.
        unit: AuthUnit,
        /// The account that gets the temporary password.
        target: TelephoneNumber,
        /// The digits that the caller keyed at the step before. They are never stored in plain text
        /// (IVR-12).
        keyed: TemporaryPassword,
        /// Invalid entries in this step.
        invalid: u8,
    },
    /// The call has ended. Further entries change nothing.
    Ended {
        /// How it ended.
        outcome: CallOutcome,
    },
}

/// IVR-1, IVR-11: starts a call. `line` is the line of the caller's number.
///
/// A call is refused if the caller's number is withheld, unknown or on a closed line.
pub fn start(caller: Option<&TelephoneNumber>, line: Option<&Line>) -> Turn {
    match target::accept(caller, line) {
        Ok(_) => CallState::Unit { invalid: 0 }.ask(),
        Err(_) => Turn::refused(),
    }
}

impl CallState {
    /// IVR-1 to IVR-8, IVR-11: takes an entry. `line` is the present state of the caller's line.
    ///
    /// The call ends if the line was closed or the caller's number was removed from it since the last turn.
    #[must_use]
    pub fn turn(
        self,
        caller: Option<&TelephoneNumber>,
        line: Option<&Line>,
        entry: Entry<'_>,
    ) -> Turn {
        if let Self::Ended { outcome } = self {
            return Turn::end(outcome, vec![]);
        }
        let Ok((caller, line)) = target::accept(caller, line) else {
            return Turn::refused();
        };
        match entry
            .digits()
            .and_then(|digits| self.advance(caller, line, digits))
        {
            Some(turn) => turn,
            None => self.invalid_entry(),
        }
    }

    /// Ends the call because the caller hung up. A call that has already ended keeps its outcome.
    #[must_use]
    pub fn hang_up(self) -> Turn {
        match self {
            Self::Ended { outcome } => Turn::end(outcome, vec![]),
            Self::Unit { .. }
            | Self::Target { .. }
            | Self::Password { .. }
            | Self::Confirm { .. } => Turn::end(CallOutcome::HungUp, vec![]),
        }
    }

    /// The turn that follows a valid entry; `None` if the entry is invalid.
    fn advance(&self, caller: &TelephoneNumber, line: &Line, digits: &str) -> Option<Turn> {
        match self {
            Self::Unit { .. } => {
                let unit = unit_of(digits)?;
                match target_for(caller, line, unit).ok()? {
                    Target::Fixed(target) => Some(
                        Self::Password {
                            unit,
                            target,
                            invalid: 0,
                        }
                        .ask(),
                    ),
                    Target::Asked => Some(Self::Target { unit, invalid: 0 }.ask()),
                }
            }
            Self::Target { unit, .. } => {
                let number = TelephoneNumber::parse(digits).ok()?;
                let target = check_setting(Some(caller), Some(line), *unit, Some(&number)).ok()?;
                Some(
                    Self::Password {
                        unit: *unit,
                        target,
                        invalid: 0,
                    }
                    .ask(),
                )
            }
            Self::Password { unit, target, .. } => {
                let keyed = TemporaryPassword::parse(digits).ok()?;
                Some(
                    Self::Confirm {
                        unit: *unit,
                        target: target.clone(),
                        keyed,
                        invalid: 0,
                    }
                    .ask(),
                )
            }
            // IVR-6: different digits are an invalid entry of this step.
            Self::Confirm {
                unit,
                target,
                keyed,
                ..
            } => {
                let again = TemporaryPassword::parse(digits)
                    .ok()
                    .filter(|again| again == keyed)?;
                let setting = Setting {
                    unit: *unit,
                    target: target.clone(),
                    password: again,
                };
                Some(Turn::success(caller, line, setting))
            }
            Self::Ended { outcome } => Some(Turn::end(*outcome, vec![])),
        }
    }

    /// IVR-7: repeats the question, or ends the call at the third invalid entry of the step.
    fn invalid_entry(self) -> Turn {
        let counted = match self {
            Self::Unit { invalid } => Self::Unit {
                invalid: invalid.saturating_add(1),
            },
            Self::Target { unit, invalid } => Self::Target {
                unit,
                invalid: invalid.saturating_add(1),
            },
            Self::Password {
                unit,
                target,
                invalid,
            } => Self::Password {
                unit,
                target,
                invalid: invalid.saturating_add(1),
            },
            Self::Confirm {
                unit,
                target,
                keyed,
                invalid,
            } => Self::Confirm {
                unit,
                target,
                keyed,
                invalid: invalid.saturating_add(1),
            },
            ended @ Self::Ended { .. } => ended,
        };
        if counted.invalid() >= INVALID_LIMIT {
            return Turn::end(
                CallOutcome::TooManyInvalid,
                vec![Guidance::plain(GuidanceId::TooManyInvalid)],
            );
        }
        let mut turn = counted.ask();
        turn.guidance
            .insert(0, Guidance::plain(GuidanceId::InvalidEntry));
        turn
    }

    fn invalid(&self) -> u8 {
        match self {
            Self::Unit { invalid }
            | Self::Target { invalid, .. }
            | Self::Password { invalid, .. }
            | Self::Confirm { invalid, .. } => *invalid,
            Self::Ended { .. } => 0,
        }
    }

    /// The turn that plays this state's question and collects the entry.
    fn ask(self) -> Turn {
        let (guidance, step, max_digits) = match &self {
            Self::Unit { .. } => (Guidance::plain(GuidanceId::EnterUnit), CallStep::Unit, 1),
            Self::Target { .. } => (
                Guidance::plain(GuidanceId::EnterTarget),
                CallStep::Target,
                11,
            ),
            Self::Password { target, .. } => (
                Guidance::about(GuidanceId::EnterPassword, target),
                CallStep::Password,
                8,
            ),
            Self::Confirm { .. } => (
                Guidance::plain(GuidanceId::ConfirmPassword),
                CallStep::Confirm,
                8,
            ),
            Self::Ended { outcome } => return Turn::end(*outcome, vec![]),
        };
        let next = Next::Collect {
            step,
            max_digits,
            ends_with_hash: step == CallStep::Target,
        };
        Turn {
            state: self,
            guidance: vec![guidance],
            next,
            set: None,
        }
    }
}

/// IVR-1: the unit that a key chooses.
fn unit_of(digits: &str) -> Option<AuthUnit> {
    match digits {
        "1" => Some(AuthUnit::Line),
        "2" => Some(AuthUnit::Number),
        "3" => Some(AuthUnit::AdminUser),
        _ => None,
    }
}
