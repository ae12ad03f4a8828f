//! Turns and settings that cross.

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_refusal::ErrorReason;

use super::world::{World, call, set, turn};
use super::*;

/// IVR-12: the last turn sent many times at once, at two replicas, sets the password once; whoever is
/// answered is answered alike.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_turn_at_once_sets_once() {
    let world = World::new().await;
    let replicas = [world.replica(), world.replica()];
    call(&[&replicas[0]], "call-0001", USER, &["1", PASSWORD]).await;
    let turns = (0..16).map(|i| {
        let replica = replicas[i % 2].clone();
        tokio::spawn(async move { turn(&replica, "call-0001", 3, event(PASSWORD)).await })
    });
    let mut answered = Vec::new();
    for turn in turns.collect::<Vec<_>>() {
        match turn.await.unwrap() {
            Ok(reply) => answered.push(reply),
            Err(refusal) => assert_eq!(refusal.reason(), ErrorReason::Unavailable),
        }
    }
    assert!(
        answered
            .iter()
            .all(|reply| outcome(reply) == Some(CallOutcome::Set))
    );
    assert!(answered.iter().all(|reply| *reply == answered[0]) && !answered.is_empty());
    assert_eq!(world.audit().await.len(), 1);
    assert_eq!(replicas[0].pool().count() + replicas[1].pool().count(), 1);
    let again = turn(&replicas[0], "call-0001", 3, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(again, answered[0]);
}

/// INV-1, INV-5: settings for one account that cross leave the ledger and Redis agreeing on one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn settings_that_cross_agree_in_the_end() {
    let world = World::new().await;
    let service = world.replica();
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
    assert_eq!(stored.epoch.0, world.row(CONTRACT).await.epoch);
}

/// UNIT-2, INV-5: two first calls that choose different units at once leave one unit, and passwords of that
/// unit only.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_choices_that_cross_leave_one_unit() {
    let world = World::new().await;
    let service = world.replica();
    let settings = [(1, ""), (2, USER)].map(|(unit, target)| {
        let service = service.clone();
        tokio::spawn(async move { set(&service, USER, unit, target, PASSWORD).await })
    });
    for setting in settings {
        setting.await.unwrap().unwrap();
    }
    let (unit, _, version) = world.unit().await;
    let kinds = (world.row(CONTRACT).await.kind, world.row(USER).await.kind);
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
