//! Calls with several turns.

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_refusal::ErrorReason;
use chrono::TimeDelta;

use super::fixture::{Fixture, call, turn};
use super::*;

/// IVR-8, IVR-9, IVR-10, IVR-12, INV-1, UNIT-2: a call whose turns go to two replicas sets the password. The ledger and
/// Redis have the same epoch and expiry, and the line has its unit.
#[tokio::test]
async fn a_call_with_two_replicas_sets_the_password() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.replica(), fixture.replica());
    let before = fixture.row(USER).await;
    let response = call(
        &[&one, &other],
        "call-0001",
        CONTRACT,
        &["3", USER, PASSWORD, PASSWORD],
    )
    .await;
    assert_eq!(
        (guidance(&response), outcome(&response)),
        (vec!["password-set"], Some(CallOutcome::Set))
    );
    assert_eq!(response.guidance[0].number, USER);

    let row = fixture.row(USER).await;
    assert_eq!((row.kind.as_str(), row.failures), ("TEMPORARY", 0));
    assert!(row.epoch > before.epoch);
    assert_eq!(
        row.temporary_expires_time,
        Some(fixture.now() + TimeDelta::hours(24))
    );
    let number = TelephoneNumber::parse(USER).unwrap();
    let stored = one
        .ttl
        .temporary_passwords()
        .get(&number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (stored.epoch.0, Some(stored.expires)),
        (row.epoch, row.temporary_expires_time)
    );
    assert_eq!(
        fixture.unit().await,
        (Some("ADMIN_USER".to_owned()), false, 1)
    );
    assert_eq!(fixture.row(CONTRACT).await.kind, "NONE");
}

/// OPS-3, INV-5: when a password is set, there is one audit event. It names the actor, the account and the outcome.
#[tokio::test]
async fn a_setting_is_in_the_audit_trail() {
    let fixture = Fixture::new().await;
    call(
        &[&fixture.replica()],
        "call-0001",
        PLAIN,
        &["1", PASSWORD, PASSWORD],
    )
    .await;
    let [event] = &fixture.audit().await[..] else {
        panic!("expected one audit event")
    };
    assert_eq!(
        (event.number.as_deref(), event.outcome.as_str()),
        (Some(CONTRACT), "DONE")
    );
    assert!(!event.actor.contains(PLAIN) && !event.actor.is_empty());
}

/// IVR-12: a turn that is repeated at any replica gets the same response and counts once.
#[tokio::test]
async fn a_turn_sent_twice_counts_once() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.replica(), fixture.replica());
    let events = [
        started(USER),
        event("9"),
        event("1"),
        event(PASSWORD),
        event("-"),
        event(PASSWORD),
    ];
    for (sequence, event) in (0..).zip(events) {
        let first = turn(&one, "call-0001", sequence, event.clone())
            .await
            .unwrap();
        let row = fixture.row(CONTRACT).await;
        for replica in [&other, &one] {
            assert_eq!(
                turn(replica, "call-0001", sequence, event.clone()).await,
                Ok(first.clone())
            );
        }
        assert_eq!(fixture.row(CONTRACT).await, row);
    }
    assert_eq!((one.pool().count(), other.pool().count()), (1, 0));
    assert_eq!(fixture.audit().await.len(), 1);
}

/// IVR-12: a refused turn changes nothing. A turn is refused if its call is unknown, if it is out of order, or if it
/// repeats a turn with other content.
#[tokio::test]
async fn turns_out_of_order_are_refused() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    let reason = |response: Result<TakeTurnResponse, _>| {
        response
            .err()
            .map(|refusal: aikagi_refusal::Refusal| refusal.reason())
    };
    let unknown = turn(&service, "call-0001", 1, event("1")).await;
    assert_eq!(reason(unknown), Some(ErrorReason::CallUnknown));
    call(&[&service], "call-0001", USER, &["1"]).await;
    for (sequence, text) in [(1, "2"), (3, PASSWORD), (9, "!")] {
        let refused = turn(&service, "call-0001", sequence, event(text)).await;
        assert_eq!(
            reason(refused),
            Some(ErrorReason::CallOutOfOrder),
            "{sequence}"
        );
    }
    let refused = turn(&service, "call-0001", 0, started(PLAIN)).await;
    assert_eq!(reason(refused), Some(ErrorReason::CallOutOfOrder));
    let response = turn(&service, "call-0001", 2, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(guidance(&response), ["confirm-password"]);
}

/// IVR-7: three invalid entries end the call and change nothing.
#[tokio::test]
async fn three_invalid_entries_change_nothing() {
    let fixture = Fixture::new().await;
    let before = (fixture.row(CONTRACT).await, fixture.unit().await);
    let entries = ["1", PASSWORD, "11111111", "-", "*"];
    let response = call(&[&fixture.replica()], "call-0001", USER, &entries).await;
    assert_eq!(outcome(&response), Some(CallOutcome::TooManyInvalid));
    assert_eq!((fixture.row(CONTRACT).await, fixture.unit().await), before);
    let [event] = &fixture.audit().await[..] else {
        panic!("expected one audit event")
    };
    assert_eq!(
        (event.outcome.as_str(), event.reason.as_deref()),
        ("REFUSED", Some("TOO_MANY_INVALID"))
    );
}

/// IVR-11: a caller is refused if the number is withheld, unknown or on a closed line. A number that is on no line is
/// not stored.
#[tokio::test]
async fn unacceptable_callers_are_refused() {
    let fixture = Fixture::new().await;
    fixture
        .prepare("UPDATE lines SET closed_time = now()")
        .await;
    let service = fixture.replica();
    for (call_id, caller) in [
        ("call-0001", ""),
        ("call-0002", STRANGER),
        ("call-0003", USER),
    ] {
        let response = call(&[&service], call_id, caller, &[]).await;
        assert_eq!(
            (guidance(&response), outcome(&response)),
            (vec!["call-refused"], Some(CallOutcome::Refused))
        );
    }
    let numbers: Vec<_> = fixture
        .audit()
        .await
        .into_iter()
        .map(|event| event.number)
        .collect();
    assert_eq!(numbers, [None, None, Some(USER.to_owned())]);
}

/// IVR-12, INV-3: hanging up ends the call and changes nothing. A call that Redis has lost is unknown.
#[tokio::test]
async fn abandoned_and_lost_calls_change_nothing() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    let response = call(&[&service], "call-0001", USER, &["1", PASSWORD, "!"]).await;
    assert_eq!(outcome(&response), Some(CallOutcome::HungUp));
    assert_eq!(fixture.row(CONTRACT).await.kind, "NONE");
    call(&[&service], "call-0002", USER, &["1", PASSWORD]).await;
    fixture.redis.flush().unwrap();
    let lost = turn(&service, "call-0002", 3, event(PASSWORD))
        .await
        .unwrap_err();
    assert_eq!(lost.reason(), ErrorReason::CallUnknown);
    assert_eq!(fixture.row(CONTRACT).await.kind, "NONE");
}

/// IVR-12, INV-8, INV-9: no value in Redis shows keyed digits or a telephone number, neither before nor after the
/// confirmation.
#[tokio::test]
async fn redis_shows_no_keyed_digits() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    for entries in [
        vec!["3", USER, PASSWORD],
        vec!["3", USER, PASSWORD, PASSWORD],
    ] {
        call(
            &[&service],
            &format!("call-000{}", entries.len()),
            CONTRACT,
            &entries,
        )
        .await;
        let content = fixture.redis_content().await;
        assert!(!content.is_empty());
        for secret in [PASSWORD, USER, CONTRACT, "2 4 6 8", "0 3, "] {
            assert!(!content.contains(secret));
        }
    }
}
