//! Where a turn belongs among the turns of its call (IVR-12), decided apart from the store.

use aikagi_api::issuance::v1::TakeTurnResponse;
use aikagi_refusal::{ErrorReason, Refusal};
use chrono::{DateTime, TimeDelta, Utc};

use crate::event::{Event, TurnRequest};
use crate::record::{Answer, CallRecord};

/// A setting not finished by now is never finished: its replica is gone.
const SETTING_LONGEST: TimeDelta = TimeDelta::seconds(30);

/// Where a turn belongs.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// It starts the call.
    First,
    /// It is the next one, or the latest one, whose answer a lost replica owes.
    Next,
    /// It is the latest one, and this was the answer.
    Again(TakeTurnResponse),
}

/// IVR-12: finds a turn's place in its call. The latest turn sent again is answered alike; any other turn
/// than the next is refused.
pub fn place(
    record: Option<&CallRecord>,
    request: &TurnRequest,
    now: DateTime<Utc>,
) -> Result<Place, Refusal> {
    let Some(record) = record else {
        return match &request.event {
            Event::Started { .. } => Ok(Place::First),
            Event::Keys(_) | Event::Silence | Event::HungUp => {
                Err(Refusal::new(ErrorReason::CallUnknown))
            }
        };
    };
    let again = request.sequence == record.sequence && request.event.digest() == record.event;
    match &record.answer {
        Answer::Given(reply) if again => Ok(Place::Again(reply.clone())),
        Answer::Given(_) if record.sequence.checked_add(1) == Some(request.sequence) => {
            Ok(Place::Next)
        }
        Answer::Given(_) => Err(out_of_order(record.sequence.saturating_add(1))),
        Answer::Setting(since) if again && now.signed_duration_since(since) >= SETTING_LONGEST => {
            Ok(Place::Next)
        }
        // Whoever sent it first is about to get the answer; a retry then gets it too.
        Answer::Setting(_) if again => Err(Refusal::unavailable()),
        Answer::Setting(_) => Err(out_of_order(record.sequence)),
    }
}

fn out_of_order(expected: u32) -> Refusal {
    Refusal::new(ErrorReason::CallOutOfOrder).with("expected", expected.to_string())
}

#[cfg(test)]
mod tests {
    use aikagi_domain::dialog::CallState;
    use zeroize::Zeroizing;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn keys(sequence: u32, keys: &str) -> TurnRequest {
        let event = Event::Keys(Zeroizing::new(keys.to_owned()));
        TurnRequest {
            call_id: "call-0001".to_owned(),
            sequence,
            event,
        }
    }

    fn record(sequence: u32, event: &Event, answer: Answer) -> CallRecord {
        CallRecord {
            caller: None,
            sequence,
            event: event.digest(),
            state: CallState::Unit { invalid: 0 },
            answer,
        }
    }

    fn reply() -> TakeTurnResponse {
        TakeTurnResponse {
            sequence: 2,
            ..TakeTurnResponse::default()
        }
    }

    fn refusal(expected: u32) -> Result<Place, Refusal> {
        Err(Refusal::new(ErrorReason::CallOutOfOrder).with("expected", expected.to_string()))
    }

    /// IVR-12: a call begins with its start, and nothing else begins one.
    #[test]
    fn only_a_start_begins_a_call() {
        let event = Event::Started { caller: None };
        let start = TurnRequest {
            call_id: "call-0001".to_owned(),
            sequence: 0,
            event,
        };
        assert_eq!(place(None, &start, at(0)), Ok(Place::First));
        let unknown = place(None, &keys(1, "1"), at(0)).unwrap_err();
        assert_eq!(unknown.reason(), ErrorReason::CallUnknown);
        let begun = record(0, &start.event, Answer::Given(reply()));
        assert_eq!(
            place(Some(&begun), &start, at(0)),
            Ok(Place::Again(reply()))
        );
    }

    /// IVR-12: the same turn sent twice is answered alike; other content or another number is refused.
    #[test]
    fn turns_have_an_order() {
        let record = record(2, &keys(2, "12345678").event, Answer::Given(reply()));
        let placed = |request: &TurnRequest| place(Some(&record), request, at(0));
        assert_eq!(placed(&keys(2, "12345678")), Ok(Place::Again(reply())));
        assert_eq!(placed(&keys(3, "12345678")), Ok(Place::Next));
        for wrong in [
            keys(2, "12345679"),
            keys(1, "12345678"),
            keys(4, "1"),
            keys(u32::MAX, "1"),
        ] {
            assert_eq!(placed(&wrong), refusal(3), "{}", wrong.sequence);
        }
    }

    /// IVR-12: while a replica sets the password the same turn waits for its answer, and only a replica
    /// that is gone is taken over from.
    #[test]
    fn a_setting_is_made_once() {
        let record = record(4, &keys(4, "12345678").event, Answer::Setting(at(0)));
        let placed = |request: &TurnRequest, seconds| place(Some(&record), request, at(seconds));
        assert_eq!(placed(&keys(4, "12345678"), 1), Err(Refusal::unavailable()));
        assert_eq!(
            placed(&keys(4, "12345678"), 29),
            Err(Refusal::unavailable())
        );
        assert_eq!(placed(&keys(4, "12345678"), 30), Ok(Place::Next));
        assert_eq!(placed(&keys(4, "12345679"), 60), refusal(4));
        assert_eq!(placed(&keys(5, "1"), 60), refusal(4));
    }
}
