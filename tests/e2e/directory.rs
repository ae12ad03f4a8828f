//! Operators on the whole system: what their changes do at once to logins, sessions and calls (OPS-1, OPS-2), what
//! they are told, and what the audit trail keeps (OPS-3).

mod access;
mod trail;

use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::{AuthUnit, CredentialKind, LoginVerdict, Remedy};
use aikagi_tests::edge::{Asked, asked};
use aikagi_tests::world::{
    CONTRACT, FIRST, NOBODY, OTHER_TEMPORARY, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED,
    World, refused,
};
use chrono::TimeDelta;

/// OPS-1, SESS-2, IVR-11: when a line closes, its sessions end, its passwords are dead and its calls are not accepted,
/// at once; a dialog that was in progress sets nothing any more.
#[tokio::test]
async fn a_closed_line_is_shut_at_once() {
    let world = World::start().await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    world.telephone(CONTRACT, "2", SECOND, TEMPORARY).await;
    let session = world.site().login(FIRST, PERMANENT).await.unwrap();
    let forced = world.site().login(SECOND, TEMPORARY).await.unwrap();
    let ivr = world.ivr();
    let (mut call, _) = ivr.dial(CONTRACT).await.unwrap();
    for keys in ["2", &format!("{SECOND}#"), OTHER_TEMPORARY] {
        call.keys(keys).await.unwrap();
    }

    world.operator().close_line(FIRST).await.unwrap();
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
    assert_eq!(
        refused(forced.change(TEMPORARY, PERMANENT).await),
        "SESSION_ENDED"
    );
    for (number, password) in [(FIRST, PERMANENT), (SECOND, TEMPORARY)] {
        assert_eq!(
            refused(world.site().login(number, password).await),
            "LOGIN_REFUSED"
        );
    }
    let late = call.keys(OTHER_TEMPORARY).await.unwrap();
    assert!(matches!(asked(&late), Asked::Ended(outcome) if outcome != CallOutcome::Set));
    let answer = ivr.set(CONTRACT, AuthUnit::Number, SECOND, TEMPORARY).await;
    assert_eq!(refused(answer), "CALLER_REFUSED");
}

/// OPS-1, SESS-2, INV-1: a number that leaves its line takes password and sessions with it, for good: none comes back
/// when the number does. The others are not touched.
#[tokio::test]
async fn a_number_that_leaves_takes_everything_along() {
    let world = World::start().await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    world.establish(CONTRACT, "2", SECOND, PERMANENT).await;
    let leaving = world.site().login(FIRST, PERMANENT).await.unwrap();
    let staying = world.site().login(SECOND, PERMANENT).await.unwrap();
    world.telephone(CONTRACT, "2", FIRST, TEMPORARY).await;
    let forced = world.site().login(FIRST, TEMPORARY).await.unwrap();

    let operator = world.operator();
    operator.remove_number(FIRST).await.unwrap();
    for session in [&leaving, &forced] {
        assert_eq!(refused(session.session().await), "SESSION_ENDED");
    }
    staying.session().await.unwrap();
    operator.add_number(CONTRACT, FIRST, true).await.unwrap();
    assert_eq!(refused(forced.session().await), "SESSION_ENDED");
    for password in [PERMANENT, TEMPORARY] {
        assert_eq!(
            refused(world.site().login(FIRST, password).await),
            "LOGIN_REFUSED"
        );
    }
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
}

/// OPS-1, UNIT-1, SESS-2: a number that loses the option service is no account any more, at once; an administrator's
/// session goes on without it in its scope, and has it again when it is subscribed again.
#[tokio::test]
async fn a_number_that_is_unsubscribed_leaves_every_scope() {
    let world = World::start().await;
    world.establish(CONTRACT, "3", CONTRACT, PERMANENT).await;
    world.establish(CONTRACT, "3", FIRST, PERMANENT).await;
    let administrator = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let user = world.site().login(FIRST, PERMANENT).await.unwrap();
    let (operator, backend) = (world.operator(), world.backend());
    backend
        .check_access(&administrator.token, FIRST)
        .await
        .unwrap();

    operator.unsubscribe(FIRST).await.unwrap();
    assert_eq!(refused(user.session().await), "SESSION_ENDED");
    assert_eq!(
        refused(world.site().login(FIRST, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    assert_eq!(
        administrator.session().await.unwrap().scope_numbers,
        [SECOND]
    );
    let access = backend.check_access(&administrator.token, FIRST).await;
    assert_eq!(refused(access), "OUT_OF_SCOPE");

    operator.subscribe(FIRST).await.unwrap();
    assert_eq!(
        administrator.session().await.unwrap().scope_numbers,
        [FIRST, SECOND]
    );
    assert_eq!(
        refused(world.site().login(FIRST, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    world.establish(FIRST, "3", FIRST, PERMANENT).await;
}

/// OPS-1, UNIT-1: a number that comes to a line is an account at once where it is subscribed, and can set its password.
#[tokio::test]
async fn a_number_that_comes_can_begin_at_once() {
    let world = World::start().await;
    world.establish(CONTRACT, "3", CONTRACT, PERMANENT).await;
    world
        .operator()
        .add_number(CONTRACT, NOBODY, true)
        .await
        .unwrap();
    world.establish(NOBODY, "3", NOBODY, PERMANENT).await;
    let taken = world.operator().add_number(CONTRACT, STRANGER, true).await;
    assert_eq!(refused(taken), "NUMBER_TAKEN");
}

/// OPS-2, UNIT-2: a reset takes an established unit back; every password and session goes, and a call may choose
/// any unit again, even for numbers whose last password is the same (PW-2 forgets with it).
#[tokio::test]
async fn a_reset_begins_anew() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let established = world
        .ivr()
        .set(CONTRACT, AuthUnit::Number, FIRST, TEMPORARY)
        .await;
    assert_eq!(refused(established), "TARGET_REFUSED");

    let line = world.operator().reset_unit(SECOND).await.unwrap();
    assert_eq!(line.unit(), AuthUnit::Unspecified);
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
    assert_eq!(
        refused(world.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    world.establish(CONTRACT, "2", SECOND, PERMANENT).await;
}

/// OPS-2, LOGIN-2: nobody lifts a killed password; the operator is told that a call helps, and it does at once.
#[tokio::test]
async fn a_killed_password_is_explained_and_a_call_helps() {
    let world = World::start().await;
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    for _ in 0..3 {
        refused(world.site().login(CONTRACT, OTHER_TEMPORARY).await);
    }
    let operator = world.operator();
    let explained = operator.explain(CONTRACT).await.unwrap();
    assert_eq!(explained.verdict(), LoginVerdict::Killed);
    assert_eq!(explained.remedy(), Remedy::Call);
    assert_eq!(explained.account_numbers, [CONTRACT]);
    operator.end_sessions(CONTRACT).await.unwrap();
    operator.unsubscribe(FIRST).await.unwrap();
    let still = operator.explain(CONTRACT).await.unwrap();
    assert_eq!(still.verdict(), LoginVerdict::Killed);

    world.telephone(CONTRACT, "1", "", OTHER_TEMPORARY).await;
    world.site().login(CONTRACT, OTHER_TEMPORARY).await.unwrap();
    let explained = operator.explain(CONTRACT).await.unwrap();
    assert_eq!(explained.verdict(), LoginVerdict::Temporary);
    world.wait(TimeDelta::hours(24));
    let explained = operator.explain(CONTRACT).await.unwrap();
    assert_eq!(explained.verdict(), LoginVerdict::TemporaryExpired);
    let explained = operator.explain(UNSUBSCRIBED).await.unwrap();
    assert_eq!(explained.verdict(), LoginVerdict::NotAnAccount);
    assert_eq!(explained.remedy(), Remedy::UseAccount);
}

/// OPS-2, SESS-1, SESS-2, INV-3: an operator sees an account's live sessions and ends them; an ended one, one whose
/// time is over, and those that Redis has lost are not shown. Looking is not use.
#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let operator = world.operator();
    operator.end_sessions(CONTRACT).await.unwrap();
    assert!(operator.sessions(CONTRACT).await.unwrap().is_empty());
    let first = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    world.wait(TimeDelta::minutes(10));
    let second = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let listed = operator.sessions(CONTRACT).await.unwrap();
    assert_eq!(listed.len(), 2);
    let seconds = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
    let ten_minutes = 10 * 60;
    let opened: Vec<i64> = listed.iter().map(|one| seconds(one.open_time)).collect();
    assert_eq!(opened[1] - opened[0], ten_minutes);
    let idle: Vec<i64> = listed
        .iter()
        .map(|one| seconds(one.idle_expire_time))
        .collect();
    assert_eq!(idle[1] - idle[0], ten_minutes);

    world.wait(TimeDelta::minutes(5));
    assert_eq!(operator.sessions(CONTRACT).await.unwrap().len(), 1);
    assert_eq!(refused(first.session().await), "SESSION_ENDED");
    second.session().await.unwrap();
    operator.end_sessions(CONTRACT).await.unwrap();
    assert!(operator.sessions(CONTRACT).await.unwrap().is_empty());
    assert_eq!(refused(second.session().await), "SESSION_ENDED");

    world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let mut redis = world.redis_connection().await;
    redis::cmd("FLUSHALL").exec_async(&mut redis).await.unwrap();
    assert!(operator.sessions(CONTRACT).await.unwrap().is_empty());
    assert_eq!(refused(operator.sessions(NOBODY).await), "LINE_NOT_FOUND");
}

/// OPS-2: what an operator is shown of a line tells kinds and counts, and no secret.
#[tokio::test]
async fn a_lines_state_tells_counts() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    refused(world.site().login(CONTRACT, OTHER_TEMPORARY).await);
    let number = world.operator().number(CONTRACT).await.unwrap();
    assert_eq!(number.credential_kind(), CredentialKind::Permanent);
    assert_eq!(number.failures, 1);
    assert!(!format!("{number:?}").contains(PERMANENT));
}
