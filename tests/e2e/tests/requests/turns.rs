//! Turns of a call that are malformed or out of order (IVR-12).

use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::{
    CallOutcome, CallStarted, HungUp, Silence, TakeTurnRequest, TakeTurnResponse,
};
use aikagi_client::samples::{CONTRACT, OTHER_TEMPORARY, STRANGER, TEMPORARY};
use aikagi_client::{Asked, asked, call_id, guidance, reason, refused};
use aikagi_e2e::in_process::InProcessSystem;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{invalid, kept};

/// IVR-12: a malformed turn is refused and does not count. The cases are: a call id with other
/// characters or of another length; no event; a start after the first turn; a first turn without a
/// start; keys that no telephone has.
#[tokio::test]
async fn malformed_turns_are_refused() {
    let system = InProcessSystem::start().await;
    let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
    call.keys("1").await.unwrap();
    let ivr = system.ivr();
    let started = |number: &str| {
        Some(Event::Started(CallStarted {
            caller_number: number.to_owned(),
        }))
    };
    let keys = |keys: &str| Some(Event::Keys(keys.to_owned()));
    let (mine, other) = (call.call_id.clone(), call_id());
    let (long, longer) = ("c".repeat(65), "1".repeat(33));
    let before = kept(&system).await;
    for (call_id, sequence, event) in [
        ("", 0, started(CONTRACT)),
        ("short", 0, started(CONTRACT)),
        (&long, 0, started(CONTRACT)),
        ("call 0001", 0, started(CONTRACT)),
        ("call:0001", 0, started(CONTRACT)),
        ("call/0001", 0, started(CONTRACT)),
        ("call*0001", 0, started(CONTRACT)),
        ("call\n0001", 0, started(CONTRACT)),
        ("通話の番号は八文字", 0, started(CONTRACT)),
        (&other, 0, None),
        (&other, 0, keys("1")),
        (&other, 0, Some(Event::Silence(Silence {}))),
        (&other, 0, Some(Event::HungUp(HungUp {}))),
        (&other, 1, started(CONTRACT)),
        (&mine, 2, None),
        (&mine, 2, started(CONTRACT)),
        (&mine, 2, keys("12a")),
        (&mine, 2, keys("１２３４５６７８")),
        (&mine, 2, keys("1 2")),
        (&mine, 2, keys(&longer)),
    ] {
        let turn = TakeTurnRequest {
            call_id: call_id.to_owned(),
            sequence,
            event,
        };
        let case = format!("{call_id:?} {sequence}");
        invalid(ivr.take_turn(turn).await, &case);
    }
    assert_eq!(kept(&system).await, before);
    call.keys(TEMPORARY).await.unwrap();
    assert_eq!(
        asked(&call.keys(TEMPORARY).await.unwrap()),
        Asked::Ended(CallOutcome::Set)
    );
}

/// Checks that a turn was refused because the call expects the turn with another sequence number.
#[track_caller]
fn out_of_order(response: Result<TakeTurnResponse, Status>, expected: &str) {
    let status = response.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::FailedPrecondition, "CALL_OUT_OF_ORDER")
    );
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["expected"], expected);
}

/// IVR-12: a turn of a call that never began or has expired is refused. A call in progress takes
/// only the next turn. The latest turn sent again gets the same response. The latest turn with
/// other content is refused. No refused turn changes anything. The same is true for a call that has
/// ended. Its next turn gets the outcome of the call again.
#[tokio::test]
async fn turns_out_of_order_are_refused() {
    let system = InProcessSystem::start().await;
    let ivr = system.ivr();
    let (mut call, first) = ivr.dial(CONTRACT).await.unwrap();
    let mine = call.call_id.clone();
    let turn = |call_id: &str, sequence: u32, event: Event| {
        let request = TakeTurnRequest {
            call_id: call_id.to_owned(),
            sequence,
            event: Some(event),
        };
        let ivr = ivr.clone();
        async move { ivr.take_turn(request).await }
    };
    let keys = |keys: &str| Event::Keys(keys.to_owned());
    let started = |number: &str| {
        Event::Started(CallStarted {
            caller_number: number.to_owned(),
        })
    };
    let second = call.keys("1").await.unwrap();

    let before = kept(&system).await;
    for event in [
        keys("1"),
        Event::Silence(Silence {}),
        Event::HungUp(HungUp {}),
    ] {
        assert_eq!(refused(turn(&call_id(), 1, event).await), "CALL_UNKNOWN");
    }
    assert_eq!(turn(&mine, 1, keys("1")).await.unwrap(), second, "a retry");
    for (sequence, event) in [
        (0, started(CONTRACT)),
        (0, started(STRANGER)),
        (1, keys("2")),
        (1, Event::Silence(Silence {})),
        (3, keys(TEMPORARY)),
        (u32::MAX, keys(TEMPORARY)),
    ] {
        out_of_order(turn(&mine, sequence, event).await, "2");
    }
    assert_eq!(kept(&system).await, before);
    assert_ne!(first, second);

    let (mut ended, _) = ivr.dial(CONTRACT).await.unwrap();
    for entry in ["1", TEMPORARY] {
        ended.keys(entry).await.unwrap();
    }
    let last = ended.keys(TEMPORARY).await.unwrap();
    assert_eq!(asked(&last), Asked::Ended(CallOutcome::Set));
    let its = ended.call_id.clone();
    let before = kept(&system).await;
    assert_eq!(turn(&its, 3, keys(TEMPORARY)).await.unwrap(), last);
    for (sequence, event) in [
        (0, started(CONTRACT)),
        (1, keys("1")),
        (2, keys(TEMPORARY)),
        (3, keys(OTHER_TEMPORARY)),
        (3, Event::HungUp(HungUp {})),
        (5, keys(TEMPORARY)),
    ] {
        out_of_order(turn(&its, sequence, event).await, "4");
    }
    assert_eq!(kept(&system).await, before);
    let after = turn(&its, 4, keys(OTHER_TEMPORARY)).await.unwrap();
    assert_eq!(asked(&after), Asked::Ended(CallOutcome::Set));
    assert_eq!(guidance(&after), [""; 0]);
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();

    // Delete the stored call, as if it had expired.
    let mut redis = system.redis_connection().await;
    let deleted: i64 = redis::cmd("DEL")
        .arg(format!("call:{mine}"))
        .query_async(&mut redis)
        .await
        .unwrap();
    assert_eq!(deleted, 1);
    let before = kept(&system).await;
    assert_eq!(
        refused(turn(&mine, 2, keys(TEMPORARY)).await),
        "CALL_UNKNOWN"
    );
    assert_eq!(refused(turn(&mine, 1, keys("1")).await), "CALL_UNKNOWN");
    assert_eq!(kept(&system).await, before);
}
