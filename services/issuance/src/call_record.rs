//! The record of a call between two turns (IVR-12). Redis stores it, so that any replica can take any turn. It contains
//! telephone numbers and keyed digits, so it is sealed as a whole.

use std::fmt;

use aikagi_api::issuance::v1::{
    CallOutcome as WireOutcome, CallStep as WireStep, TakeTurnResponse,
};
use aikagi_domain::dialog::{CallOutcome, CallState};
use aikagi_domain::password::TemporaryPassword;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use chrono::{DateTime, Utc};
use prost::Message as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::turn_request::EventDigest;
use crate::turn_response::wire_outcome;

/// A call after its latest turn.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRecord {
    /// The caller's number. `None` if it is withheld.
    pub caller: Option<TelephoneNumber>,
    /// The sequence number of the latest turn.
    pub sequence: u32,
    /// The digest of the latest turn's event.
    pub event: EventDigest,
    /// The state of the call after the latest turn. While a replica sets the password, this is the state before the
    /// latest turn.
    pub state: CallState,
    /// The result of the latest turn.
    pub result: TurnResult,
}

/// The result of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnResult {
    /// The response to the turn. A repeated turn gets the same response.
    Response(TakeTurnResponse),
    /// A replica is setting the password. It started at this time.
    Setting(DateTime<Utc>),
}

/// The error for a record that this version cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record of the call cannot be read")]
pub struct Unreadable;

/// The stored form of a record. Later versions can add fields.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct RecordMessage {
    #[prost(string, optional, tag = "1")]
    caller: Option<String>,
    #[prost(uint32, tag = "2")]
    sequence: u32,
    #[prost(bytes = "vec", tag = "3")]
    event: Vec<u8>,
    /// A `CallStep`. Unspecified if the call has ended.
    #[prost(int32, tag = "4")]
    step: i32,
    #[prost(uint32, tag = "5")]
    invalid: u32,
    #[prost(string, optional, tag = "6")]
    unit: Option<String>,
    #[prost(string, optional, tag = "7")]
    target: Option<String>,
    #[prost(string, optional, tag = "8")]
    keyed: Option<String>,
    /// A `CallOutcome`. Unspecified if the call has not ended.
    #[prost(int32, tag = "9")]
    outcome: i32,
    #[prost(message, optional, tag = "10")]
    response: Option<TakeTurnResponse>,
    /// Milliseconds since 1970-01-01 00:00 UTC.
    #[prost(int64, optional, tag = "11")]
    setting_since: Option<i64>,
}

impl fmt::Debug for RecordMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordMessage(..)")
    }
}

impl CallRecord {
    /// The record as bytes, for sealing.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut message = RecordMessage {
            caller: self
                .caller
                .as_ref()
                .map(|number| number.as_str().to_owned()),
            sequence: self.sequence,
            event: self.event.to_vec(),
            ..RecordMessage::default()
        };
        message.put_state(&self.state);
        match &self.result {
            TurnResult::Response(response) => message.response = Some(response.clone()),
            TurnResult::Setting(since) => message.setting_since = Some(since.timestamp_millis()),
        }
        let bytes = Zeroizing::new(message.encode_to_vec());
        message.keyed.zeroize();
        bytes
    }

    /// Reads a record from its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut message = RecordMessage::decode(bytes).map_err(|_| Unreadable)?;
        let state = message.read_state();
        message.keyed.zeroize();
        let result = match (message.response, message.setting_since) {
            (Some(response), None) => TurnResult::Response(response),
            (None, Some(since)) => {
                TurnResult::Setting(DateTime::from_timestamp_millis(since).ok_or(Unreadable)?)
            }
            (Some(_), Some(_)) | (None, None) => return Err(Unreadable),
        };
        Ok(Self {
            caller: message.caller.as_deref().map(number).transpose()?,
            sequence: message.sequence,
            event: message.event.try_into().map_err(|_| Unreadable)?,
            state: state?,
            result,
        })
    }
}

impl RecordMessage {
    fn put_state(&mut self, state: &CallState) {
        let mut put = |step: WireStep, invalid: u8| {
            self.step = step.into();
            self.invalid = invalid.into();
        };
        match state {
            CallState::Unit { invalid } => put(WireStep::Unit, *invalid),
            CallState::Target { unit, invalid } => {
                put(WireStep::Target, *invalid);
                self.unit = Some(unit.as_str().to_owned());
            }
            CallState::Password {
                unit,
                target,
                invalid,
            } => {
                put(WireStep::Password, *invalid);
                self.unit = Some(unit.as_str().to_owned());
                self.target = Some(target.as_str().to_owned());
            }
            CallState::Confirm {
                unit,
                target,
                keyed,
                invalid,
            } => {
                put(WireStep::Confirm, *invalid);
                self.unit = Some(unit.as_str().to_owned());
                self.target = Some(target.as_str().to_owned());
                self.keyed = String::from_utf8(keyed.expose().to_vec()).ok();
            }
            CallState::Ended { outcome } => self.outcome = wire_outcome(*outcome).into(),
        }
    }

    fn read_state(&self) -> Result<CallState, Unreadable> {
        let step = WireStep::try_from(self.step).map_err(|_| Unreadable)?;
        let invalid = u8::try_from(self.invalid).map_err(|_| Unreadable)?;
        match step {
            WireStep::Unit => Ok(CallState::Unit { invalid }),
            WireStep::Target => Ok(CallState::Target {
                unit: self.read_unit()?,
                invalid,
            }),
            WireStep::Password => Ok(CallState::Password {
                unit: self.read_unit()?,
                target: self.read_target()?,
                invalid,
            }),
            WireStep::Confirm => Ok(CallState::Confirm {
                unit: self.read_unit()?,
                target: self.read_target()?,
                keyed: self
                    .keyed
                    .as_deref()
                    .and_then(|keyed| TemporaryPassword::parse(keyed).ok())
                    .ok_or(Unreadable)?,
                invalid,
            }),
            WireStep::Unspecified => Ok(CallState::Ended {
                outcome: self.read_outcome()?,
            }),
        }
    }

    fn read_unit(&self) -> Result<AuthUnit, Unreadable> {
        self.unit
            .as_deref()
            .and_then(|unit| AuthUnit::parse(unit).ok())
            .ok_or(Unreadable)
    }

    fn read_target(&self) -> Result<TelephoneNumber, Unreadable> {
        self.target.as_deref().map_or(Err(Unreadable), number)
    }

    fn read_outcome(&self) -> Result<CallOutcome, Unreadable> {
        match WireOutcome::try_from(self.outcome).map_err(|_| Unreadable)? {
            WireOutcome::Set => Ok(CallOutcome::Set),
            WireOutcome::TooManyInvalid => Ok(CallOutcome::TooManyInvalid),
            WireOutcome::Refused => Ok(CallOutcome::Refused),
            WireOutcome::HungUp => Ok(CallOutcome::HungUp),
            WireOutcome::Failed => Ok(CallOutcome::Failed),
            WireOutcome::Unspecified => Err(Unreadable),
        }
    }
}

fn number(text: &str) -> Result<TelephoneNumber, Unreadable> {
    TelephoneNumber::parse(text).map_err(|_| Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: CallState, result: TurnResult) -> CallRecord {
        let caller = TelephoneNumber::parse("0311110001").ok();
        CallRecord {
            caller,
            sequence: 3,
            event: [7; 32],
            state,
            result,
        }
    }

    /// IVR-12: a record that is written and read again is the same, for each state of a call.
    #[test]
    fn every_state_is_read_as_written() {
        let target = TelephoneNumber::parse("0311110002").unwrap();
        let keyed = TemporaryPassword::parse("01234567").unwrap();
        let unit = AuthUnit::AdminUser;
        let since = DateTime::from_timestamp_millis(1_800_000_000_123).unwrap();
        let mut states = vec![
            CallState::Unit { invalid: 2 },
            CallState::Target { unit, invalid: 0 },
            CallState::Password {
                unit,
                target: target.clone(),
                invalid: 1,
            },
            CallState::Confirm {
                unit,
                target,
                keyed,
                invalid: 2,
            },
        ];
        let outcomes = [
            CallOutcome::Set,
            CallOutcome::TooManyInvalid,
            CallOutcome::Refused,
            CallOutcome::HungUp,
            CallOutcome::Failed,
        ];
        states.extend(outcomes.map(|outcome| CallState::Ended { outcome }));
        for state in states {
            for result in [
                TurnResult::Response(TakeTurnResponse::default()),
                TurnResult::Setting(since),
            ] {
                let record = record(state.clone(), result);
                assert_eq!(CallRecord::from_bytes(&record.to_bytes()), Ok(record));
            }
        }
    }

    /// IVR-12: bytes that are not a record are refused.
    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&b""[..], b"\xff\xff", b"hello, this is not a record"] {
            assert_eq!(CallRecord::from_bytes(bytes), Err(Unreadable));
        }
    }
}
