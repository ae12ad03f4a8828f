//! Stores that go away, and replicas that die.

use aikagi_refusal::ErrorReason;
use chrono::TimeDelta;

use super::world::{World, call, set, turn};
use super::*;
use crate::event::Event;
use crate::record::Answer;

/// IVR-10, INV-3, INV-4: Redis gone between commit and publication: the old password is retired durably, the
/// caller hears that it did not work, and the next call works.
#[tokio::test]
async fn redis_gone_closes_and_never_opens() {
    let mut world = World::new().await;
    let service = world.replica();
    set(&service, USER, 1, "", PASSWORD).await.unwrap();
    let before = world.row(CONTRACT).await;
    world.redis.kill9();
    assert_eq!(
        set(&service, USER, 1, "", PASSWORD).await.err(),
        Some(ErrorReason::Unavailable)
    );
    assert!(world.row(CONTRACT).await.epoch > before.epoch);
    let lost = turn(&service, "call-0001", 0, started(USER))
        .await
        .unwrap_err();
    assert_eq!(lost.reason(), ErrorReason::Unavailable);
    world.redis.restart().unwrap();
    let again = world.replica();
    let reply = call(&[&again], "call-0002", USER, &["1", PASSWORD, PASSWORD]).await;
    assert_eq!(outcome(&reply), Some(CallOutcome::Set));
}

/// IVR-12: what a dead replica had begun to set is set by whoever gets the turn again, once it is certain
/// that nobody else is at it.
#[tokio::test]
async fn a_dead_replicas_turn_is_taken_over() {
    let world = World::new().await;
    let service = world.replica();
    call(&[&service], "call-0001", USER, &["1", PASSWORD]).await;
    let found = service.load_call("call-0001").await.unwrap().unwrap();
    let mut claimed = found.record;
    claimed.sequence = 3;
    claimed.event = Event::Keys(PASSWORD.to_owned().into()).digest();
    claimed.answer = Answer::Setting(world.now());
    assert!(
        service
            .save_call("call-0001", Some(found.version), &claimed)
            .await
            .unwrap()
    );

    let waiting = turn(&service, "call-0001", 3, event(PASSWORD))
        .await
        .unwrap_err();
    assert_eq!(waiting.reason(), ErrorReason::Unavailable);
    assert_eq!(world.row(CONTRACT).await.kind, "NONE");
    world.clock.step(TimeDelta::seconds(31));
    let reply = turn(&service, "call-0001", 3, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(outcome(&reply), Some(CallOutcome::Set));
    assert_eq!(world.row(CONTRACT).await.kind, "TEMPORARY");
}

/// IVR-11, UNIT-2, INV-5: a unit established between a call's last look and its commit is decided by the
/// locked line: nothing is set.
#[tokio::test]
async fn a_unit_established_meanwhile_sets_nothing() {
    let world = World::new().await;
    let service = world.replica();
    call(&[&service], "call-0001", USER, &["1", PASSWORD]).await;
    world
        .prepare("UPDATE lines SET unit = 'NUMBER', unit_established_time = now()")
        .await;
    let reply = turn(&service, "call-0001", 3, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(
        (guidance(&reply), outcome(&reply)),
        (vec!["try-later"], Some(CallOutcome::Failed))
    );
    assert_eq!(world.row(CONTRACT).await.kind, "NONE");
}

/// LOGIN-4, INV-11: past its deadline nothing is hashed and nothing is set; the turn can be sent again.
#[tokio::test]
async fn past_the_deadline_nothing_is_begun() {
    let world = World::new().await;
    let service = world.replica();
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
            world.row(CONTRACT).await.kind.as_str()
        ),
        (0, "NONE")
    );
    let reply = turn(&service, "call-0001", 3, event(PASSWORD))
        .await
        .unwrap();
    assert_eq!(outcome(&reply), Some(CallOutcome::Set));
}
