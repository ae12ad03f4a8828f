//! Turns in parallel, and passwords set in parallel.

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_refusal::ErrorReason;

use super::fixture::{Fixture, call, set, turn};
use super::*;

/// IVR-12: the last turn is sent many times in parallel to two replicas. The password is set once, and all responses
/// are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_last_turns_set_the_password_once() {
    let fixture = Fixture::new().await;
    let replicas = [fixture.replica(), fixture.replica()];
    call(&[&replicas[0]], "call-0001", USER, &["1", PASSWORD]).await;
    let turns = (0..16).map(|i| {
        let replica = replicas[i % 2].clone();
        tokio::spawn(async move { turn(&replica, "call-0001", 3, event(PASSWORD)).await })
    });
    let mut responses = Vec::new();
    for turn in turns.collect::<Vec<_>>() {
        match turn.await.unwrap() {
            Ok(response) => responses.push(response),
            Err(refusal) => assert_eq!(refusal.reason(), ErrorReason::Unavailable),
        }
    }
    assert!(
        responses
            .iter()
            .all(|response| outcome(response) == Some(CallOutcome::Set))
    );
    assert!(responses.iter().all(|response| *response == responses[0]) && !responses.is_empty());
    assert_eq!(fixture.audit().await.len(), 1);
    assert_eq!(replicas[0].pool().count() + replicas[1].pool().count(), 1);
    let again = turn(&replicas[0], "call-0001", 3, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(again, responses[0]);
}

/// INV-1, INV-5: after passwords are set in parallel for one account, the ledger and Redis have the same epoch.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stores_agree_after_parallel_settings() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    let settings: Vec<_> = (0..8)
        .map(|i| {
            let service = service.clone();
            tokio::spawn(async move { set(&service, USER, 1, "", &format!("1234567{i}")).await })
        })
        .collect();
    for setting in settings {
        match setting.await.unwrap() {
            Ok(_) => {}
            Err(reason) => assert_eq!(reason, ErrorReason::Unavailable),
        }
    }
    let number = TelephoneNumber::parse(CONTRACT).unwrap();
    let stored = service
        .ttl
        .temporary_passwords()
        .get(&number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.epoch.0, fixture.row(CONTRACT).await.epoch);
}

/// UNIT-2, INV-5: two passwords are set in parallel, under different units, on a line without a unit. Afterwards the
/// line has one unit and only the passwords of that unit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_first_choices_leave_one_unit() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    let settings = [(1, ""), (2, USER)].map(|(unit, target)| {
        let service = service.clone();
        tokio::spawn(async move { set(&service, USER, unit, target, PASSWORD).await })
    });
    for setting in settings {
        setting.await.unwrap().unwrap();
    }
    let (unit, _, version) = fixture.unit().await;
    let kinds = (
        fixture.row(CONTRACT).await.kind,
        fixture.row(USER).await.kind,
    );
    let expected = match unit.as_deref() {
        Some("LINE") => ("TEMPORARY", "NONE"),
        Some("NUMBER") => ("NONE", "TEMPORARY"),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (kinds.0.as_str(), kinds.1.as_str(), version),
        (expected.0, expected.1, 2)
    );
}
