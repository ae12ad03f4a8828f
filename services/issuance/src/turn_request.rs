//! Reads and checks the request of one turn (UNIT-3, IVR-12).

use aikagi_api::issuance::v1::TakeTurnRequest;
use aikagi_api::issuance::v1::take_turn_request::Event as WireEvent;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_refusal::Refusal;
use aikagi_refusal::fields::{Fields, optional_number};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The maximum number of keys in one turn.
const MAX_KEYS: usize = 32;

/// A turn of a call.
pub struct TurnRequest {
    /// The id that the IVR platform has given the call.
    pub call_id: String,
    /// The sequence number of the turn in the call. The first turn has 0.
    pub sequence: u32,
    /// The caller's action.
    pub event: Event,
}

/// The caller's action in a turn.
pub enum Event {
    /// The caller dialled the setting number.
    Started {
        /// The caller's number. `None` if it is withheld.
        caller: Option<TelephoneNumber>,
    },
    /// The caller pressed keys.
    Keys(Zeroizing<String>),
    /// The caller pressed no key before the time-out.
    Silence,
    /// The caller hung up.
    HungUp,
}

/// The digest of an event. It identifies a repeated turn. It is stored only in sealed form, because the keys can be
/// guessed from it.
pub type EventDigest = [u8; 32];

impl TurnRequest {
    /// Reads a turn.
    ///
    /// Fails with `INVALID_FIELD` if a field is malformed. The refusal names all malformed fields.
    pub fn parse(mut request: TakeTurnRequest) -> Result<Self, Refusal> {
        let mut fields = Fields::default();
        if !is_call_id(&request.call_id) {
            fields.note(
                "call_id",
                "must be 8 to 64 letters, digits, `-`, `_` or `.`",
            );
        }
        let sequence = request.sequence;
        let event = match &mut request.event {
            None => {
                fields.note("event", "must be one of started, keys, silence, hung_up");
                None
            }
            Some(WireEvent::Started(_)) if sequence != 0 => {
                fields.note("started", "must come with sequence 0");
                None
            }
            Some(WireEvent::Started(started)) => {
                let caller = std::mem::take(&mut started.caller_number);
                let caller = optional_number(&caller, "started.caller_number", &mut fields);
                Some(Event::Started { caller })
            }
            Some(event) => later_event(event, sequence, &mut fields),
        };
        fields.check()?;
        // Not reached: the check above refuses a request without an event.
        let event = event.ok_or_else(|| Refusal::invalid_field("event", "must be given"))?;
        Ok(Self {
            call_id: request.call_id,
            sequence,
            event,
        })
    }
}

/// Reads an event that is not the start of a call.
fn later_event(event: &mut WireEvent, sequence: u32, fields: &mut Fields) -> Option<Event> {
    if sequence == 0 {
        fields.note("sequence", "must not be 0, except with the event started");
    }
    match event {
        WireEvent::Keys(keys) => {
            let keys = Zeroizing::new(std::mem::take(keys));
            let known = |key: u8| key.is_ascii_digit() || key == b'*' || key == b'#';
            if keys.len() > MAX_KEYS || !keys.bytes().all(known) {
                fields.note("keys", "must be at most 32 of 0-9, `*` and `#`");
            }
            Some(Event::Keys(keys))
        }
        WireEvent::Silence(_) => Some(Event::Silence),
        WireEvent::HungUp(_) => Some(Event::HungUp),
        WireEvent::Started(_) => None,
    }
}

fn is_call_id(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (8..=64).contains(&text.len()) && text.bytes().all(known)
}

impl Event {
    /// IVR-12: the digest of the event. It is the same for a repeated turn.
    pub fn digest(&self) -> EventDigest {
        let (tag, content) = match self {
            Self::Started { caller } => (0, caller.as_ref().map_or("", TelephoneNumber::as_str)),
            Self::Keys(keys) => (1, keys.as_str()),
            Self::Silence => (2, ""),
            Self::HungUp => (3, ""),
        };
        Sha256::new()
            .chain_update([tag])
            .chain_update(content)
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use aikagi_api::issuance::v1::{CallStarted, HungUp, Silence};
    use aikagi_refusal::ErrorReason;

    use super::*;

    fn started(number: &str) -> WireEvent {
        WireEvent::Started(CallStarted {
            caller_number: number.to_owned(),
        })
    }

    fn keys(keys: &str) -> WireEvent {
        WireEvent::Keys(keys.to_owned())
    }

    fn parse(
        call_id: &str,
        sequence: u32,
        event: Option<WireEvent>,
    ) -> Result<TurnRequest, Refusal> {
        TurnRequest::parse(TakeTurnRequest {
            call_id: call_id.to_owned(),
            sequence,
            event,
        })
    }

    /// UNIT-3, IVR-11: the caller's number is read in any form. An empty field means that the number is withheld.
    #[test]
    fn the_caller_is_read() {
        for (text, expected) in [("", None), ("０３-1111-0001", Some("0311110001"))] {
            let turn = parse("call-0001", 0, Some(started(text))).unwrap();
            let Event::Started { caller } = turn.event else {
                panic!("expected the event started")
            };
            assert_eq!(caller.as_ref().map(TelephoneNumber::as_str), expected);
        }
    }

    /// IVR-12, UNIT-3: malformed turns are refused before any store is read.
    #[test]
    fn malformed_turns_are_refused() {
        for (call_id, sequence, event) in [
            ("short", 0, Some(started(""))),
            ("call 0001", 0, Some(started(""))),
            ("通話0001", 0, Some(started(""))),
            ("call-0001", 0, None),
            ("call-0001", 0, Some(keys("1"))),
            ("call-0001", 0, Some(WireEvent::Silence(Silence {}))),
            ("call-0001", 0, Some(WireEvent::HungUp(HungUp {}))),
            ("call-0001", 1, Some(started(""))),
            ("call-0001", 0, Some(started("+81311110001"))),
            ("call-0001", 1, Some(keys("12a"))),
            ("call-0001", 1, Some(keys("１２"))),
            (
                "call-0001",
                1,
                Some(keys("123456789012345678901234567890123")),
            ),
        ] {
            let refused = parse(call_id, sequence, event)
                .err()
                .map(|refusal| refusal.reason());
            assert_eq!(
                refused,
                Some(ErrorReason::InvalidField),
                "{call_id} {sequence}"
            );
        }
        assert!(parse(&"c".repeat(64), 1, Some(keys(""))).is_ok());
        assert!(parse(&"c".repeat(65), 1, Some(keys(""))).is_err());
    }

    /// IVR-12: events that differ in kind or content have different digests.
    #[test]
    fn different_events_have_different_digests() {
        let caller = TelephoneNumber::parse("0311110001").ok();
        let events = [
            Event::Started { caller: None },
            Event::Started { caller },
            Event::Keys(Zeroizing::new(String::new())),
            Event::Keys(Zeroizing::new("12345678".to_owned())),
            Event::Keys(Zeroizing::new("12345678#".to_owned())),
            Event::Silence,
            Event::HungUp,
        ];
        for (i, one) in events.iter().enumerate() {
            for (j, other) in events.iter().enumerate() {
                assert_eq!(one.digest() == other.digest(), i == j);
            }
        }
    }
}
