//! Outages of Redis, crashes of replicas, and other events that interrupt a call.

use aikagi_refusal::ErrorReason;
use chrono::TimeDelta;

use super::fixture::{Fixture, call, set, turn};
use super::*;
use crate::call_record::TurnResult;
use crate::turn_request::Event;

/// IVR-10, INV-3, INV-4: if Redis is down after the commit, the old password stays retired and the RPC fails. The next
/// call succeeds.
#[tokio::test]
async fn a_setting_without_redis_leaves_no_valid_password() {
    let mut fixture = Fixture::new().await;
    let service = fixture.replica();
    set(&service, USER, 1, "", PASSWORD).await.unwrap();
    let before = fixture.row(CONTRACT).await;
    fixture.redis.kill9();
    assert_eq!(
        set(&service, USER, 1, "", PASSWORD).await.err(),
        Some(ErrorReason::Unavailable)
    );
    assert!(fixture.row(CONTRACT).await.epoch > before.epoch);
    let lost = turn(&service, "call-0001", 0, started(USER))
        .await
        .unwrap_err();
    assert_eq!(lost.reason(), ErrorReason::Unavailable);
    fixture.redis.restart().unwrap();
    let again = fixture.replica();
    let response = call(&[&again], "call-0002", USER, &["1", PASSWORD, PASSWORD]).await;
    assert_eq!(outcome(&response), Some(CallOutcome::Set));
}

/// IVR-12: if a replica crashes while it sets a password, a repeated turn sets the password. It does so only after the
/// maximum time in which a replica sets a password.
#[tokio::test]
async fn the_turn_of_a_crashed_replica_is_taken_over() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    call(&[&service], "call-0001", USER, &["1", PASSWORD]).await;
    let stored = service.load_call("call-0001").await.unwrap().unwrap();
    let mut claimed = stored.record;
    claimed.sequence = 3;
    claimed.event = Event::Keys(PASSWORD.to_owned().into()).digest();
    claimed.result = TurnResult::Setting(fixture.now());
    assert!(
        service
            .save_call("call-0001", Some(stored.version), &claimed)
            .await
            .unwrap()
    );

    let waiting = turn(&service, "call-0001", 3, event(PASSWORD))
        .await
        .unwrap_err();
    assert_eq!(waiting.reason(), ErrorReason::Unavailable);
    assert_eq!(fixture.row(CONTRACT).await.kind, "NONE");
    fixture.clock.step(TimeDelta::seconds(31));
    let response = turn(&service, "call-0001", 3, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(outcome(&response), Some(CallOutcome::Set));
    assert_eq!(fixture.row(CONTRACT).await.kind, "TEMPORARY");
}

/// IVR-11, UNIT-2, INV-5: another unit is established during the call. Issuance sees this on the locked line, and
/// sets no password.
#[tokio::test]
async fn a_unit_established_during_the_call_prevents_the_setting() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    call(&[&service], "call-0001", USER, &["1", PASSWORD]).await;
    fixture
        .prepare("UPDATE lines SET unit = 'NUMBER', unit_established_time = now()")
        .await;
    let response = turn(&service, "call-0001", 3, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(
        (guidance(&response), outcome(&response)),
        (vec!["try-later"], Some(CallOutcome::Failed))
    );
    assert_eq!(fixture.row(CONTRACT).await.kind, "NONE");
}

/// LOGIN-4, INV-11: a turn whose deadline has passed computes no hash and sets nothing. It can be repeated.
#[tokio::test]
async fn a_turn_after_its_deadline_sets_nothing() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    call(&[&service], "call-0001", USER, &["1", PASSWORD]).await;
    let late = Some(tokio::time::Instant::now());
    let refused = Box::pin(aikagi_mesh::deadline::inherit(
        late,
        turn(&service, "call-0001", 3, event(PASSWORD)),
    ))
    .await;
    assert_eq!(refused.unwrap_err().reason(), ErrorReason::Overloaded);
    assert_eq!(
        (
            service.pool().count(),
            fixture.row(CONTRACT).await.kind.as_str()
        ),
        (0, "NONE")
    );
    let response = turn(&service, "call-0001", 3, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(outcome(&response), Some(CallOutcome::Set));
}
