//! Operators' changes on the whole system. They take effect on logins, sessions and calls
//! immediately (OPS-1, OPS-2). The tests also check what the system reports to operators, and the
//! audit trail (OPS-3).

mod access;
mod trail;

use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::{AuthUnit, CredentialKind, LoginVerdict, Remedy};
use aikagi_client::samples::{
    CONTRACT, FIRST, NOBODY, OTHER_TEMPORARY, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED,
};
use aikagi_client::{Asked, asked, refused};
use aikagi_e2e::in_process::InProcessSystem;
use chrono::TimeDelta;

/// OPS-1, SESS-2, IVR-11: when a line is closed, its sessions end, its passwords are voided and its
/// calls are refused, all immediately. A call in progress can no longer set a password.
#[tokio::test]
async fn closing_a_line_takes_effect_at_once() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system
        .set_by_telephone(CONTRACT, "2", SECOND, TEMPORARY)
        .await;
    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    let forced = system.site().login(SECOND, TEMPORARY).await.unwrap();
    let ivr = system.ivr();
    let (mut call, _) = ivr.dial(CONTRACT).await.unwrap();
    for keys in ["2", &format!("{SECOND}#"), OTHER_TEMPORARY] {
        call.keys(keys).await.unwrap();
    }

    system.operator().close_line(FIRST).await.unwrap();
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
    assert_eq!(
        refused(forced.change(TEMPORARY, PERMANENT).await),
        "SESSION_ENDED"
    );
    for (number, password) in [(FIRST, PERMANENT), (SECOND, TEMPORARY)] {
        assert_eq!(
            refused(system.site().login(number, password).await),
            "LOGIN_REFUSED"
        );
    }
    let late = call.keys(OTHER_TEMPORARY).await.unwrap();
    assert!(matches!(asked(&late), Asked::Ended(outcome) if outcome != CallOutcome::Set));
    let answer = ivr.set(CONTRACT, AuthUnit::Number, SECOND, TEMPORARY).await;
    assert_eq!(refused(answer), "CALLER_REFUSED");
}

/// OPS-1, SESS-2, INV-1: when a number is removed from its line, its password and sessions end.
/// They stay ended after the number is added again. Other numbers are not affected.
#[tokio::test]
async fn a_removed_number_loses_password_and_sessions() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system.establish(CONTRACT, "2", SECOND, PERMANENT).await;
    let leaving = system.site().login(FIRST, PERMANENT).await.unwrap();
    let staying = system.site().login(SECOND, PERMANENT).await.unwrap();
    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    let forced = system.site().login(FIRST, TEMPORARY).await.unwrap();

    let operator = system.operator();
    operator.remove_number(FIRST).await.unwrap();
    for session in [&leaving, &forced] {
        assert_eq!(refused(session.session().await), "SESSION_ENDED");
    }
    staying.session().await.unwrap();
    operator.add_number(CONTRACT, FIRST, true).await.unwrap();
    assert_eq!(refused(forced.session().await), "SESSION_ENDED");
    for password in [PERMANENT, TEMPORARY] {
        assert_eq!(
            refused(system.site().login(FIRST, password).await),
            "LOGIN_REFUSED"
        );
    }
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
}

/// OPS-1, UNIT-1, SESS-2: under `ADMIN_USER`, an additional number stops being an account as soon as
/// it is unsubscribed. The administrator's session continues without the number in its scope. The
/// number returns to the scope when it is subscribed again.
#[tokio::test]
async fn a_number_that_is_unsubscribed_leaves_every_scope() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "3", CONTRACT, PERMANENT).await;
    system.establish(CONTRACT, "3", FIRST, PERMANENT).await;
    let administrator = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let user = system.site().login(FIRST, PERMANENT).await.unwrap();
    let (operator, backend) = (system.operator(), system.backend());
    backend
        .check_access(&administrator.token, FIRST)
        .await
        .unwrap();

    operator.unsubscribe(FIRST).await.unwrap();
    assert_eq!(refused(user.session().await), "SESSION_ENDED");
    assert_eq!(
        refused(system.site().login(FIRST, PERMANENT).await),
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
        refused(system.site().login(FIRST, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    system.establish(FIRST, "3", FIRST, PERMANENT).await;
}

/// OPS-1, UNIT-1: under `ADMIN_USER`, a subscribed number that is added to a line is an account
/// immediately, and can set its password.
#[tokio::test]
async fn an_added_number_can_set_its_password_at_once() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "3", CONTRACT, PERMANENT).await;
    system
        .operator()
        .add_number(CONTRACT, NOBODY, true)
        .await
        .unwrap();
    system.establish(NOBODY, "3", NOBODY, PERMANENT).await;
    let taken = system.operator().add_number(CONTRACT, STRANGER, true).await;
    assert_eq!(refused(taken), "NUMBER_TAKEN");
}

/// OPS-2, UNIT-2: a reset removes an established unit with all passwords and sessions. A call may choose any unit again, and
/// the last permanent password may be used again (PW-2).
#[tokio::test]
async fn a_reset_removes_the_unit_and_everything_with_it() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let established = system
        .ivr()
        .set(CONTRACT, AuthUnit::Number, FIRST, TEMPORARY)
        .await;
    assert_eq!(refused(established), "TARGET_REFUSED");

    let line = system.operator().reset_unit(SECOND).await.unwrap();
    assert_eq!(line.unit(), AuthUnit::Unspecified);
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system.establish(CONTRACT, "2", SECOND, PERMANENT).await;
}

/// OPS-2, LOGIN-2: no operator's command revives a killed password. The explanation advises a call.
/// After a call, the account can log in immediately.
#[tokio::test]
async fn a_killed_password_is_explained_and_a_call_helps() {
    let system = InProcessSystem::start().await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    for _ in 0..3 {
        refused(system.site().login(CONTRACT, OTHER_TEMPORARY).await);
    }
    let operator = system.operator();
    let explained = operator.explain(CONTRACT).await.unwrap();
    assert_eq!(explained.verdict(), LoginVerdict::Killed);
    assert_eq!(explained.remedy(), Remedy::Call);
    assert_eq!(explained.account_numbers, [CONTRACT]);
    operator.end_sessions(CONTRACT).await.unwrap();
    operator.unsubscribe(FIRST).await.unwrap();
    let still = operator.explain(CONTRACT).await.unwrap();
    assert_eq!(still.verdict(), LoginVerdict::Killed);

    system
        .set_by_telephone(CONTRACT, "1", "", OTHER_TEMPORARY)
        .await;
    system
        .site()
        .login(CONTRACT, OTHER_TEMPORARY)
        .await
        .unwrap();
    let explained = operator.explain(CONTRACT).await.unwrap();
    assert_eq!(explained.verdict(), LoginVerdict::Temporary);
    system.wait(TimeDelta::hours(24));
    let explained = operator.explain(CONTRACT).await.unwrap();
    assert_eq!(explained.verdict(), LoginVerdict::TemporaryExpired);
    let explained = operator.explain(UNSUBSCRIBED).await.unwrap();
    assert_eq!(explained.verdict(), LoginVerdict::NotAnAccount);
    assert_eq!(explained.remedy(), Remedy::UseAccount);
}

/// OPS-2, SESS-1, SESS-2, INV-3: an operator lists an account's live sessions and ends them. Ended, expired and lost sessions
/// are not listed. Listing does not use a session.
#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let operator = system.operator();
    operator.end_sessions(CONTRACT).await.unwrap();
    assert!(operator.sessions(CONTRACT).await.unwrap().is_empty());
    let first = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    system.wait(TimeDelta::minutes(10));
    let second = system.site().login(CONTRACT, PERMANENT).await.unwrap();
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

    system.wait(TimeDelta::minutes(5));
    assert_eq!(operator.sessions(CONTRACT).await.unwrap().len(), 1);
    assert_eq!(refused(first.session().await), "SESSION_ENDED");
    second.session().await.unwrap();
    operator.end_sessions(CONTRACT).await.unwrap();
    assert!(operator.sessions(CONTRACT).await.unwrap().is_empty());
    assert_eq!(refused(second.session().await), "SESSION_ENDED");

    system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let mut redis = system.redis_connection().await;
    redis::cmd("FLUSHALL").exec_async(&mut redis).await.unwrap();
    assert!(operator.sessions(CONTRACT).await.unwrap().is_empty());
    assert_eq!(refused(operator.sessions(NOBODY).await), "LINE_NOT_FOUND");
}

/// OPS-2: the state of a line shows kinds of passwords and counts, but no secret.
#[tokio::test]
async fn a_lines_state_shows_counts_and_no_secret() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    refused(system.site().login(CONTRACT, OTHER_TEMPORARY).await);
    let number = system.operator().number(CONTRACT).await.unwrap();
    assert_eq!(number.credential_kind(), CredentialKind::Permanent);
    assert_eq!(number.failures, 1);
    assert!(!format!("{number:?}").contains(PERMANENT));
}
