//! Decides the position of a turn in its call (IVR-12), without access to a store.

use aikagi_api::issuance::v1::TakeTurnResponse;
use aikagi_refusal::{ErrorReason, Refusal};
use chrono::{DateTime, TimeDelta, Utc};

use crate::call_record::{CallRecord, TurnResult};
use crate::turn_request::{Event, TurnRequest};

/// The maximum time in which a replica sets a password. After it, another replica assumes that the first one
/// has crashed.
const LONGEST_SETTING: TimeDelta = TimeDelta::seconds(30);

/// The position of a turn in its call.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnPosition {
    /// The turn starts the call.
    First,
    /// The turn is the next one. A repeated turn has this position, too, if the replica that took the latest turn has
    /// crashed.
    Next,
    /// The turn repeats the latest turn, which had this response.
    Repeated(TakeTurnResponse),
}

/// IVR-12: decides the position of a turn in its call.
///
/// Fails with `CALL_UNKNOWN` if there is no such call, and with `CALL_OUT_OF_ORDER` if another turn is expected. Fails
/// with `UNAVAILABLE` while a replica works on the same turn.
pub fn position_of(
    record: Option<&CallRecord>,
    request: &TurnRequest,
    now: DateTime<Utc>,
) -> Result<TurnPosition, Refusal> {
    let Some(record) = record else {
        return match &request.event {
            Event::Started { .. } => Ok(TurnPosition::First),
            Event::Keys(_) | Event::Silence | Event::HungUp => {
                Err(Refusal::new(ErrorReason::CallUnknown))
            }
        };
    };
    let is_repeated = request.sequence == record.sequence && request.event.digest() == record.event;
    match &record.result {
        TurnResult::Response(response) if is_repeated => {
            Ok(TurnPosition::Repeated(response.clone()))
        }
        TurnResult::Response(_) if record.sequence.checked_add(1) == Some(request.sequence) => {
            Ok(TurnPosition::Next)
        }
        TurnResult::Response(_) => Err(out_of_order(record.sequence.saturating_add(1))),
        TurnResult::Setting(since)
            if is_repeated && now.signed_duration_since(since) >= LONGEST_SETTING =>
        {
            Ok(TurnPosition::Next)
        }
        // The first sender of the turn will get the response when the password is set. A retry after that gets it too.
        TurnResult::Setting(_) if is_repeated => Err(Refusal::unavailable()),
        TurnResult::Setting(_) => Err(out_of_order(record.sequence)),
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

    fn record(sequence: u32, event: &Event, result: TurnResult) -> CallRecord {
        CallRecord {
            caller: None,
            sequence,
            event: event.digest(),
            state: CallState::Unit { invalid: 0 },
            result,
        }
    }

    fn response() -> TakeTurnResponse {
        TakeTurnResponse {
            sequence: 2,
            ..TakeTurnResponse::default()
        }
    }

    fn refusal(expected: u32) -> Result<TurnPosition, Refusal> {
        Err(Refusal::new(ErrorReason::CallOutOfOrder).with("expected", expected.to_string()))
    }

    /// IVR-12: only the event `started` starts a call.
    #[test]
    fn only_a_start_begins_a_call() {
        let event = Event::Started { caller: None };
        let start = TurnRequest {
            call_id: "call-0001".to_owned(),
            sequence: 0,
            event,
        };
        assert_eq!(position_of(None, &start, at(0)), Ok(TurnPosition::First));
        let unknown = position_of(None, &keys(1, "1"), at(0)).unwrap_err();
        assert_eq!(unknown.reason(), ErrorReason::CallUnknown);
        let begun = record(0, &start.event, TurnResult::Response(response()));
        assert_eq!(
            position_of(Some(&begun), &start, at(0)),
            Ok(TurnPosition::Repeated(response()))
        );
    }

    /// IVR-12: a repeated turn gets the same response. A turn with other content or another sequence number is refused.
    #[test]
    fn a_turn_other_than_the_next_is_refused() {
        let record = record(
            2,
            &keys(2, "12345678").event,
            TurnResult::Response(response()),
        );
        let position = |request: &TurnRequest| position_of(Some(&record), request, at(0));
        assert_eq!(
            position(&keys(2, "12345678")),
            Ok(TurnPosition::Repeated(response()))
        );
        assert_eq!(position(&keys(3, "12345678")), Ok(TurnPosition::Next));
        for wrong in [
            keys(2, "12345679"),
            keys(1, "12345678"),
            keys(4, "1"),
            keys(u32::MAX, "1"),
        ] {
            assert_eq!(position(&wrong), refusal(3), "{}", wrong.sequence);
        }
    }

    /// IVR-12: while a replica sets the password, the same turn is refused as unavailable. Another replica takes over
    /// the turn only after the maximum time.
    #[test]
    fn a_setting_is_taken_over_after_its_maximum_time() {
        let record = record(4, &keys(4, "12345678").event, TurnResult::Setting(at(0)));
        let position =
            |request: &TurnRequest, seconds| position_of(Some(&record), request, at(seconds));
        assert_eq!(
            position(&keys(4, "12345678"), 1),
            Err(Refusal::unavailable())
        );
        assert_eq!(
            position(&keys(4, "12345678"), 29),
            Err(Refusal::unavailable())
        );
        assert_eq!(position(&keys(4, "12345678"), 30), Ok(TurnPosition::Next));
        assert_eq!(position(&keys(4, "12345679"), 60), refusal(4));
        assert_eq!(position(&keys(5, "1"), 60), refusal(4));
    }
}
