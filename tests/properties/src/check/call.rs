use std::collections::HashMap;

use aikagi_api::issuance::v1::{TakeTurnRequest, TakeTurnResponse};
use aikagi_domain::dialog::{self, Entry, Turn};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::{Line, Member, UnitState};
use aikagi_issuance::call_record::{CallRecord, TurnResult};
use aikagi_issuance::turn_position::{TurnPosition, position_of};
use aikagi_issuance::turn_request::{Event, TurnRequest};
use aikagi_issuance::turn_response::turn_response;
use aikagi_refusal::ErrorReason;
use chrono::{DateTime, TimeDelta, Utc};
use prost::Message as _;

/// IVR-12: turns from an IVR platform, in any order and number. The bytes are length-delimited
/// `TakeTurnRequest` messages.
pub fn call(mut bytes: &[u8]) {
    let mut calls = Calls::default();
    while let Ok(request) = TakeTurnRequest::decode_length_delimited(&mut bytes) {
        match TurnRequest::parse(request) {
            Ok(request) => calls.take(&request),
            Err(refusal) => assert_eq!(refusal.reason(), ErrorReason::InvalidField),
        }
    }
}

/// The stored records of calls, the responses so far, and the number of passwords that each call has set.
#[derive(Default)]
struct Calls {
    records: HashMap<String, Vec<u8>>,
    responses: HashMap<(String, u32), ([u8; 32], TakeTurnResponse)>,
    set: HashMap<String, u32>,
}

impl Calls {
    fn take(&mut self, request: &TurnRequest) {
        check_request(request);
        let record = self.records.get(&request.call_id);
        let record =
            record.map(|bytes| CallRecord::from_bytes(bytes).expect("the record can be read"));
        let key = (request.call_id.clone(), request.sequence);
        let earlier = self.responses.get(&key);
        match position_of(record.as_ref(), request, at(0)) {
            Ok(TurnPosition::Repeated(again)) => {
                assert_eq!(earlier, Some(&(request.event.digest(), again)));
            }
            Ok(TurnPosition::First | TurnPosition::Next) => {
                assert_eq!(earlier, None, "a turn was taken more than once");
                let response = self.advance(record, request);
                self.responses
                    .insert(key, (request.event.digest(), response));
            }
            Err(refusal) => assert!(matches!(
                refusal.reason(),
                ErrorReason::CallUnknown | ErrorReason::CallOutOfOrder
            )),
        }
    }

    fn advance(&mut self, record: Option<CallRecord>, request: &TurnRequest) -> TakeTurnResponse {
        let (caller, state) = match (&request.event, record) {
            (_, Some(record)) => (record.caller, Some(record.state)),
            (Event::Started { caller }, None) => (caller.clone(), None),
            (_, None) => unreachable!("the first turn of a call is a start"),
        };
        let line = a_line();
        let turn = match (state.clone(), &request.event) {
            (None, _) | (_, Event::Started { .. }) => dialog::start(caller.as_ref(), Some(&line)),
            (Some(state), Event::Keys(keys)) => {
                state.turn(caller.as_ref(), Some(&line), Entry::Keys(keys))
            }
            (Some(state), Event::Silence) => {
                state.turn(caller.as_ref(), Some(&line), Entry::Silence)
            }
            (Some(state), Event::HungUp) => state.hang_up(),
        };
        let mut kept = CallRecord {
            caller,
            sequence: request.sequence,
            event: request.event.digest(),
            state: turn.state.clone(),
            result: TurnResult::Setting(at(0)),
        };
        if turn.set.is_some() {
            let set = self.set.entry(request.call_id.clone()).or_default();
            *set += 1;
            assert_eq!(*set, 1, "a call set more than one password");
            kept.state = state.expect("the call has a state before it sets the password");
            check_claim(&kept, request);
            kept.state = turn.state.clone();
        }
        let response = response(request, &turn);
        kept.result = TurnResult::Response(response.clone());
        self.records.insert(request.call_id.clone(), stored(&kept));
        response
    }
}

/// While one replica sets the password, no other replica may set it. After some time another replica may take
/// the turn, because the first one may have stopped.
fn check_claim(claim: &CallRecord, request: &TurnRequest) {
    let claim = CallRecord::from_bytes(&stored(claim)).expect("the record can be read");
    let refused =
        position_of(Some(&claim), request, at(1)).expect_err("another replica sets the password");
    assert_eq!(refused.reason(), ErrorReason::Unavailable);
    assert_eq!(
        position_of(Some(&claim), request, at(60)),
        Ok(TurnPosition::Next)
    );
}

fn check_request(request: &TurnRequest) {
    let id = &request.call_id;
    assert!(id.is_ascii() && (8..=64).contains(&id.len()) && !id.contains([':', ' ', '\n']));
    let starts = matches!(request.event, Event::Started { .. });
    assert_eq!(starts, request.sequence == 0);
    if let Event::Keys(keys) = &request.event {
        assert!(keys.len() <= 32 && keys.chars().all(|key| "0123456789*#".contains(key)));
    }
}

fn stored(record: &CallRecord) -> Vec<u8> {
    let bytes = record.to_bytes();
    assert_eq!(CallRecord::from_bytes(&bytes).as_ref(), Ok(record));
    bytes.to_vec()
}

fn response(request: &TurnRequest, turn: &Turn) -> TakeTurnResponse {
    turn_response(
        request.sequence,
        &turn.guidance,
        turn.next,
        TimeDelta::seconds(10),
    )
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("the time is in range")
}

fn a_line() -> Line {
    let number = TelephoneNumber::parse("0311110001").expect("the number is valid");
    Line {
        contract_number: number.clone(),
        members: vec![Member {
            number,
            subscribed: true,
        }],
        state: UnitState::Unset,
        closed: false,
        version: 0,
    }
}
