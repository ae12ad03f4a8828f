//! The call dialog as a state machine (IVR-1 to IVR-8, IVR-11): a state and an entry make a turn. Where
//! the state is kept between turns, and how a setting is committed, is nobody's business here.

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

/// IVR-7: the invalid entry of one step that ends the call.
pub const INVALID_LIMIT: u8 = 3;

/// Where a call stands. `invalid` counts the invalid entries of the step so far (IVR-7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallState {
    /// Waiting for the unit (IVR-1).
    Unit {
        /// Invalid entries so far.
        invalid: u8,
    },
    /// Waiting for the target's number (IVR-3, IVR-4).
    Target {
        /// The unit chosen.
        unit: AuthUnit,
        /// Invalid entries so far.
        invalid: u8,
    },
    /// Waiting for the eight digits (IVR-5).
    Password {
        /// The unit chosen.
        unit: AuthUnit,
        /// The account to be set.
        target: TelephoneNumber,
        /// Invalid entries so far.
        invalid: u8,
    },
    /// Waiting for the eight digits again (IVR-6).
    Confirm {
        /// The unit chosen.
        unit: AuthUnit,
        /// The account to be set.
        target: TelephoneNumber,
        /// What was keyed the first time; never stored in clear (IVR-12).
        keyed: TemporaryPassword,
        /// Invalid entries so far.
        invalid: u8,
    },
    /// The call is over; more entries change nothing.
    Ended {
        /// How it ended.
        outcome: CallOutcome,
    },
}

/// IVR-1, IVR-11: begins a call. A caller whose number is withheld, unknown or on a closed line hears
/// that it cannot be accepted. `line` is the line that the caller's number is on.
pub fn start(caller: Option<&TelephoneNumber>, line: Option<&Line>) -> Turn {
    match target::accept(caller, line) {
        Ok(_) => CallState::Unit { invalid: 0 }.ask(),
        Err(_) => Turn::refused(),
    }
}

impl CallState {
    /// IVR-1 to IVR-8, IVR-11: takes an entry. `line` is the line as it stands now: one that closed or
    /// lost the caller meanwhile ends the call.
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

    /// The caller hung up. A call that has ended stays as it ended.
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

    /// The turn that a valid entry makes; none for an invalid one.
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
            // IVR-6: a mismatch is an invalid entry of this step.
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

    /// IVR-7: asks again, or ends the call at the third invalid entry of the step.
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

    /// The question that this state waits for an answer to.
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

/// IVR-1.
fn unit_of(digits: &str) -> Option<AuthUnit> {
    match digits {
        "1" => Some(AuthUnit::Line),
        "2" => Some(AuthUnit::Number),
        "3" => Some(AuthUnit::AdminUser),
        _ => None,
    }
}
