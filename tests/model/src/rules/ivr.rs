//! Setting a temporary password by telephone: turn by turn, or in one RPC (IVR-1 to IVR-13).

mod setting;

use aikagi_api::issuance::v1::{CallOutcome, CallStep};
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::Asked;

use super::{
    Answer, Epoch, Handle, Model, Moment, Number, Password, Refused, Secret, TEMPORARY_LIFETIME,
};

pub use setting::{SetTemporary, TakeTurn};

/// An event on the caller's side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The call begins. `None` if the number is withheld.
    Started(Option<Number>),
    /// The caller presses keys.
    Keys(String),
    /// The caller presses no key in time.
    Silence,
    /// The caller hangs up.
    HungUp,
}

/// The response to a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The ids of the guidance, in order. Each has the number that it reads out, or an empty text.
    pub guidance: Vec<(String, String)>,
    /// The question that follows, or the outcome of the ended call.
    pub next: Asked,
}

/// A call in progress, or one that has just ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Call {
    caller: Option<Number>,
    state: DialogState,
    /// IVR-7: the count of invalid entries in this state.
    invalid: u8,
    /// The latest turn. The same turn sent again gets the same response (IVR-12).
    sequence: u32,
    event: Event,
    heard: Vec<(&'static str, Number)>,
    pub(super) answered: Moment,
    /// True while the latest turn sets the password and has no response yet.
    is_setting: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum DialogState {
    Unit,
    Target(AuthUnit),
    Password(AuthUnit, Number),
    Confirm(AuthUnit, Number, Password),
    Over(CallOutcome),
}

/// Why a caller may not set the password (IVR-11).
enum Denied {
    Caller,
    Unit,
    Target,
}

/// The result of a turn.
enum Taken {
    Answer(Call),
    /// The turn must set the password.
    Set(KeyedSetting, Call),
}

/// The temporary password to set, and its account, as the caller keyed them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct KeyedSetting {
    caller: Number,
    unit: AuthUnit,
    account: Number,
    password: Password,
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Caller => Self::new("CALLER_REFUSED"),
            Denied::Unit => Self::new("TARGET_REFUSED").field("unit"),
            Denied::Target => Self::new("TARGET_REFUSED").field("target_number"),
        }
    }
}

impl Model {
    /// IVR-13: sets a password in one RPC. Returns the account and when its password expires.
    pub fn set_temporary(
        &mut self,
        caller: Option<Number>,
        unit: AuthUnit,
        target: Option<Number>,
        password: Password,
    ) -> Answer<(Number, Moment)> {
        self.alone(SetTemporary::new(caller, unit, target, password))
    }

    /// IVR-2 to IVR-4, IVR-11: the account whose password a caller may set with this unit and target.
    fn account_for(
        &self,
        caller: Option<Number>,
        unit: AuthUnit,
        target: Option<Number>,
    ) -> Result<Number, Denied> {
        let caller = caller.ok_or(Denied::Caller)?;
        match (self.account_of_unit(caller, unit)?, target) {
            (Some(account), None) => Ok(account),
            (Some(account), Some(named)) if account == named => Ok(account),
            (None, Some(named)) if self.open_line(caller)?.role_under(unit, named).is_some() => {
                Ok(named)
            }
            (Some(_), Some(_)) | (None, _) => Err(Denied::Target),
        }
    }

    /// IVR-2 to IVR-4, IVR-11: the account that a unit implies for a caller. `None` if the dialog
    /// asks for the target.
    fn account_of_unit(&self, caller: Number, unit: AuthUnit) -> Result<Option<Number>, Denied> {
        let line = self.open_line(caller)?;
        if line.established.is_some() && line.unit != Some(unit) {
            return Err(Denied::Unit);
        }
        match unit {
            AuthUnit::Line => Ok(Some(line.contract)),
            AuthUnit::Number => Ok(None),
            AuthUnit::AdminUser if caller == line.contract => Ok(None),
            AuthUnit::AdminUser if line.numbers[caller].subscribed => Ok(Some(caller)),
            AuthUnit::AdminUser | AuthUnit::Unspecified => Err(Denied::Unit),
        }
    }

    fn open_line(&self, caller: Number) -> Result<&super::Line, Denied> {
        self.line(caller)
            .filter(|line| line.closed.is_none())
            .ok_or(Denied::Caller)
    }

    /// IVR-9, IVR-10, UNIT-2, SESS-2: gives the account a new temporary password and retires the old secret. No
    /// login finds the new password until it is published.
    fn issue(&mut self, unit: AuthUnit, number: Number) -> Epoch {
        if self.unit(number).is_some_and(|present| present != unit) {
            self.void_line(number);
        }
        let expires = self.now + TEMPORARY_LIFETIME;
        let line = self.line_mut(number).expect("the number is on a line");
        if line.unit != Some(unit) {
            line.unit = Some(unit);
            line.changes += 1;
        }
        let account = line.numbers.get_mut(number);
        let account = account.expect("the number is on this line");
        account.set(Secret::Temporary {
            password: None,
            expires,
        });
        let epoch = account.epoch;
        self.end_sessions_of(number);
        epoch
    }

    /// Publishes a temporary password, so that logins find it. False if this or a newer one is
    /// already published.
    fn publish(&mut self, number: Number, epoch: Epoch, typed: Password) -> bool {
        if self
            .published
            .get(&number)
            .is_some_and(|there| *there >= epoch)
        {
            return false;
        }
        self.published.insert(number, epoch);
        if let Some(account) = self.account_mut(number)
            && account.epoch == epoch
            && let Secret::Temporary { password, .. } = &mut account.secret
        {
            *password = Some(typed);
        }
        true
    }

    /// IVR-12: takes a turn, or repeats the response to the latest one.
    pub fn turn(&mut self, handle: Handle, sequence: u32, event: Event) -> Answer<Heard> {
        self.alone(TakeTurn::new(handle, sequence, event))
    }

    /// IVR-12: the result of a turn, from the state of the call and the line.
    fn begin_turn(&self, handle: Handle, sequence: u32, event: &Event) -> Answer<Taken> {
        let Some(call) = self.calls.get(&handle) else {
            let Event::Started(caller) = *event else {
                return Err(Refused::new("CALL_UNKNOWN"));
            };
            let call = Call {
                caller,
                state: DialogState::Unit,
                invalid: 0,
                sequence,
                event: event.clone(),
                heard: Vec::new(),
                answered: self.now,
                is_setting: false,
            };
            let is_accepted = caller.is_some_and(|caller| self.open_line(caller).is_ok());
            return Ok(Taken::Answer(if is_accepted {
                call.asking()
            } else {
                call.refused()
            }));
        };
        if call.sequence == sequence && call.event == *event {
            return if call.is_setting {
                Err(Refused::new("UNAVAILABLE"))
            } else {
                Ok(Taken::Answer(call.clone()))
            };
        }
        if call.sequence + 1 != sequence || call.is_setting {
            return Err(Refused::new("CALL_OUT_OF_ORDER"));
        }
        let mut call = call.clone();
        call.heard.clear();
        (call.sequence, call.event, call.answered) = (sequence, event.clone(), self.now);
        Ok(self.take(call, event))
    }

    fn keep(&mut self, handle: Handle, call: Call) -> Heard {
        let heard = call.hears();
        self.calls.insert(handle, call);
        heard
    }

    /// The response to the turn that sets a password, or that failed to set it. `claim` is the
    /// record that the turn stored beforehand. The response is stored only if this record was not
    /// lost (INV-3).
    fn keep_over(&mut self, handle: Handle, claim: &Call, call: Call) -> Heard {
        if self.calls.get(&handle) == Some(claim) {
            self.keep(handle, call)
        } else {
            call.hears()
        }
    }

    /// IVR-1 to IVR-8, IVR-11: one turn of a call.
    fn take(&self, call: Call, event: &Event) -> Taken {
        if matches!(call.state, DialogState::Over(_)) {
            return Taken::Answer(call);
        }
        if *event == Event::HungUp {
            return Taken::Answer(call.over(CallOutcome::HungUp));
        }
        let Some(caller) = call.caller.filter(|caller| self.open_line(caller).is_ok()) else {
            return Taken::Answer(call.refused());
        };
        let Some(digits) = digits(event) else {
            return Taken::Answer(call.not_correct());
        };
        Taken::Answer(match call.state.clone() {
            DialogState::Unit => match unit_of(digits)
                .and_then(|unit| Some((unit, self.account_of_unit(caller, unit).ok()?)))
            {
                Some((unit, Some(account))) => call.goes_to(DialogState::Password(unit, account)),
                Some((unit, None)) => call.goes_to(DialogState::Target(unit)),
                None => call.not_correct(),
            },
            DialogState::Target(unit) => {
                let named = self.in_full(digits);
                match named.and_then(|named| self.account_for(Some(caller), unit, Some(named)).ok())
                {
                    Some(account) => call.goes_to(DialogState::Password(unit, account)),
                    None => call.not_correct(),
                }
            }
            DialogState::Password(unit, account) => match eight_digits(digits) {
                Some(keyed) => call.goes_to(DialogState::Confirm(unit, account, keyed)),
                None => call.not_correct(),
            },
            DialogState::Confirm(unit, account, keyed) if digits == keyed => {
                let setting = KeyedSetting {
                    caller,
                    unit,
                    account,
                    password: keyed,
                };
                let call = Call {
                    is_setting: true,
                    ..call
                };
                return Taken::Set(setting, call);
            }
            DialogState::Confirm(..) => call.not_correct(),
            DialogState::Over(_) => call,
        })
    }

    /// The keyed number, if it is on any line.
    fn in_full(&self, digits: &str) -> Option<Number> {
        let mut numbers = self.lines.iter().flat_map(|line| line.numbers.keys());
        numbers.find(|number| **number == digits).copied()
    }

    /// The right keys for the caller to press next, to set this password for an account of this unit.
    pub fn proper_keys(
        &self,
        handle: Handle,
        unit: AuthUnit,
        target: Number,
        password: Password,
    ) -> String {
        match self.calls.get(&handle).map(|call| &call.state) {
            Some(DialogState::Unit) => (unit as i32).to_string(),
            Some(DialogState::Target(_)) => format!("{target}#"),
            Some(DialogState::Confirm(_, _, keyed)) => (*keyed).to_owned(),
            Some(DialogState::Password(..) | DialogState::Over(_)) | None => password.to_owned(),
        }
    }

    /// The number of the caller.
    pub fn caller(&self, handle: Handle) -> Option<Number> {
        self.calls.get(&handle)?.caller
    }

    /// True if the call waits for an entry.
    pub fn is_in_progress(&self, handle: Handle) -> bool {
        let call = self.calls.get(&handle);
        call.is_some_and(|call| !matches!(call.state, DialogState::Over(_)))
    }
}

impl Call {
    fn says(mut self, guidance: &'static str, number: Number) -> Self {
        self.heard.push((guidance, number));
        self
    }

    fn over(mut self, outcome: CallOutcome) -> Self {
        self.state = DialogState::Over(outcome);
        self
    }

    /// IVR-11: ends the call as refused.
    fn refused(self) -> Self {
        self.says("call-refused", "").over(CallOutcome::Refused)
    }

    /// Continues to the next state after a valid entry. Each state counts its own invalid entries (IVR-7).
    fn goes_to(mut self, state: DialogState) -> Self {
        self.state = state;
        self.invalid = 0;
        self.asking()
    }

    /// IVR-7: the third invalid entry in a state ends the call.
    fn not_correct(mut self) -> Self {
        self.invalid += 1;
        if self.invalid == 3 {
            return self
                .says("too-many-invalid", "")
                .over(CallOutcome::TooManyInvalid);
        }
        self.says("invalid-entry", "").asking()
    }

    /// IVR-1, IVR-3, IVR-5, IVR-6: asks the question of this state.
    fn asking(self) -> Self {
        match self.state {
            DialogState::Unit => self.says("enter-unit", ""),
            DialogState::Target(_) => self.says("enter-target", ""),
            DialogState::Password(_, account) => self.says("enter-password", account),
            DialogState::Confirm(..) => self.says("confirm-password", ""),
            DialogState::Over(_) => self,
        }
    }

    fn hears(&self) -> Heard {
        let next = match self.state {
            DialogState::Unit => Asked::Step(CallStep::Unit),
            DialogState::Target(_) => Asked::Step(CallStep::Target),
            DialogState::Password(..) => Asked::Step(CallStep::Password),
            DialogState::Confirm(..) => Asked::Step(CallStep::Confirm),
            DialogState::Over(outcome) => Asked::Ended(outcome),
        };
        let own = |(id, number): &(&str, Number)| ((*id).to_owned(), (*number).to_owned());
        Heard {
            guidance: self.heard.iter().map(own).collect(),
            next,
        }
    }
}

/// The digits of an entry without its final `#`. `None` for silence (IVR-7), or if there are other
/// keys.
fn digits(event: &Event) -> Option<&str> {
    let Event::Keys(keys) = event else {
        return None;
    };
    let digits = keys.strip_suffix('#').unwrap_or(keys);
    let only_digits = digits.bytes().all(|key| key.is_ascii_digit());
    only_digits.then_some(digits)
}

/// IVR-1: the unit of a key.
fn unit_of(digits: &str) -> Option<AuthUnit> {
    match digits {
        "1" => Some(AuthUnit::Line),
        "2" => Some(AuthUnit::Number),
        "3" => Some(AuthUnit::AdminUser),
        _ => None,
    }
}

/// IVR-5: the entry if it has eight digits.
fn eight_digits(digits: &str) -> Option<Password> {
    // The leak is harmless, because a test has only a few passwords.
    (digits.len() == 8).then(|| &*digits.to_owned().leak())
}
