//! The events of the own account (SESS-8).

use OwnEventKind::{
    EndedByOperator, Login, LoginRefused, Logout, OtherSessionsEnded, PasswordChanged,
    PasswordKilled, PasswordWrong, SessionEnded, TemporaryLogin, TemporaryRefused, TemporarySet,
    UnitChanged,
};
use aikagi_api::units::v1::{AuthUnit, OwnEvent, OwnEventKind};
use aikagi_client::refused;
use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED,
};
use aikagi_e2e::in_process::InProcessSystem;
use chrono::{DateTime, TimeDelta, Utc};

use super::login;

/// The account and the kind of each event.
fn kinds(events: &[OwnEvent]) -> Vec<(&str, OwnEventKind)> {
    let kinds = events.iter();
    kinds
        .map(|event| (event.account_number.as_str(), event.kind()))
        .collect()
}

/// Writes a count of refused logins for a number's present line, as a replica does after a minute (OPS-6).
async fn count_refusals(system: &InProcessSystem, number: &str, at: DateTime<Utc>, count: i64) {
    sqlx::query(
        "INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, repeats)
         SELECT $1, '******' || right(number, 4), 'LOGIN', line_id, number, 'REFUSED', 'NOTHING_LIVE', $3
         FROM numbers WHERE number = $2",
    )
    .bind(at)
    .bind(number)
    .bind(count)
    .execute(&system.ledger().await)
    .await
    .unwrap();
}

/// SESS-8, OPS-3, UNIT-3: a subscriber sees what happened to the account, newest first. A temporary password set by telephone
/// has the masked caller. The events show no operator.
#[tokio::test]
async fn a_subscriber_sees_the_events_of_the_account() {
    let system = InProcessSystem::start().await;
    system.establish(FIRST, "1", CONTRACT, PERMANENT).await;
    refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    let there = login(&system, CONTRACT).await;
    refused(there.change(OTHER_PERMANENT, "Another1").await);
    let here = login(&system, CONTRACT).await;
    there.logout().await.unwrap();
    system.operator().end_sessions(CONTRACT).await.unwrap();
    refused(
        system
            .ivr()
            .set(CONTRACT, AuthUnit::Number, FIRST, TEMPORARY)
            .await,
    );
    refused(here.own_events().await);
    system.wait(TimeDelta::minutes(1));
    let here = login(&system, CONTRACT).await;
    let there = login(&system, CONTRACT).await;
    let listed = there.own_sessions().await.unwrap();
    let id = listed.iter().find(|session| session.current).unwrap();
    here.end_own_session(&id.session_id).await.unwrap();
    here.end_other_sessions().await.unwrap();

    let events = here.own_events().await.unwrap();
    let expected = [
        OtherSessionsEnded,
        SessionEnded,
        Login,
        Login,
        TemporaryRefused,
        EndedByOperator,
        Logout,
        Login,
        PasswordWrong,
        Login,
        LoginRefused,
        PasswordChanged,
        TemporaryLogin,
        TemporarySet,
    ];
    assert_eq!(kinds(&events), expected.map(|kind| (CONTRACT, kind)));
    let last = events.last().unwrap();
    assert_eq!(last.masked_caller, "******0002");
    assert!(
        events
            .iter()
            .rev()
            .skip(1)
            .all(|event| event.masked_caller.is_empty())
    );
    assert!(events.iter().all(|event| event.count == 1));
    let seconds = |event: &OwnEvent| event.occur_time.unwrap().seconds;
    assert_eq!(seconds(&events[0]) - seconds(last), 60);
    assert!(!format!("{events:?}").contains("operator"));
}

/// SESS-8, OPS-6, LOGIN-2: a subscriber sees the last 20 events. Repeated refusals are one event, which says how many
/// they were.
#[tokio::test]
async fn a_subscriber_sees_the_last_twenty_events() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let owner = login(&system, CONTRACT).await;
    for _ in 0..11 {
        refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    count_refusals(&system, CONTRACT, system.now(), 7).await;
    let events = owner.own_events().await.unwrap();
    let counted: Vec<_> = events
        .iter()
        .take(4)
        .map(|event| (event.kind(), event.count))
        .collect();
    let expected = [
        (LoginRefused, 7),
        (LoginRefused, 1),
        (PasswordKilled, 1),
        (LoginRefused, 1),
    ];
    assert_eq!(counted, expected);
    for count in 0..20 {
        count_refusals(&system, CONTRACT, system.now(), 100 + count).await;
    }
    let events = owner.own_events().await.unwrap();
    let counts: Vec<u64> = events.iter().map(|event| event.count).collect();
    assert_eq!(counts, (100..120).rev().collect::<Vec<_>>());
}

/// SESS-8, OPS-1: a subscriber never sees events of a former owner of the number (decision 0012). Refusals that were counted
/// for the former owner and written later are not shown either. This also holds for a number that comes from another line.
#[tokio::test]
async fn the_events_of_a_former_owner_are_not_shown() {
    let system = InProcessSystem::start().await;
    let operator = system.operator();
    let own = [PasswordChanged, TemporaryLogin, TemporarySet];

    system.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    refused(system.site().login(STRANGER, OTHER_PERMANENT).await);
    let counted = system.now();
    system.wait(TimeDelta::seconds(30));
    operator.close_line(STRANGER).await.unwrap();
    operator.add_line(&[(STRANGER, true)]).await.unwrap();
    count_refusals(&system, STRANGER, counted, 5).await;
    system.establish(STRANGER, "2", STRANGER, PERMANENT).await;
    let present = login(&system, STRANGER).await;
    let events = present.own_events().await.unwrap();
    let expected = [&[Login][..], &own].concat();
    assert_eq!(
        kinds(&events),
        expected
            .iter()
            .map(|kind| (STRANGER, *kind))
            .collect::<Vec<_>>()
    );

    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    refused(system.site().login(FIRST, OTHER_PERMANENT).await);
    let counted = system.now();
    system.wait(TimeDelta::seconds(30));
    operator.remove_number(FIRST).await.unwrap();
    operator.add_number(STRANGER, FIRST, true).await.unwrap();
    count_refusals(&system, FIRST, counted, 5).await;
    system
        .establish(STRANGER, "2", FIRST, OTHER_PERMANENT)
        .await;
    let moved = system.site().login(FIRST, OTHER_PERMANENT).await.unwrap();
    let events = moved.own_events().await.unwrap();
    assert_eq!(
        kinds(&events),
        expected
            .iter()
            .map(|kind| (FIRST, *kind))
            .collect::<Vec<_>>()
    );
}

/// SESS-8, UNIT-1: under NUMBER a subscriber sees the events of the own number. After a unit migration to `ADMIN_USER`, the
/// administrator also sees the users' events, but not those from before. A user sees only the own events. Everybody on the
/// line sees that the unit was changed, and nobody sees by whom.
#[tokio::test]
async fn the_unit_decides_whose_events_are_shown() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system
        .establish(CONTRACT, "2", SECOND, OTHER_PERMANENT)
        .await;
    refused(system.site().login(SECOND, PERMANENT).await);
    let first = login(&system, FIRST).await;
    let own = [Login, PasswordChanged, TemporaryLogin, TemporarySet];
    let events = first.own_events().await.unwrap();
    assert_eq!(kinds(&events), own.map(|kind| (FIRST, kind)));

    system.wait(TimeDelta::minutes(1));
    let passwords = [(FIRST, PERMANENT), (SECOND, OTHER_PERMANENT)];
    first
        .migrate(AuthUnit::AdminUser, &passwords)
        .await
        .unwrap();
    system.wait(TimeDelta::minutes(1));
    refused(system.site().login(SECOND, OTHER_PERMANENT).await);
    refused(system.site().login(UNSUBSCRIBED, PERMANENT).await);
    let user = login(&system, FIRST).await;
    let administrator = login(&system, CONTRACT).await;
    let events = administrator.own_events().await.unwrap();
    let expected = [
        (CONTRACT, Login),
        (FIRST, Login),
        (SECOND, LoginRefused),
        ("", UnitChanged),
    ];
    assert_eq!(kinds(&events), expected);

    let events = user.own_events().await.unwrap();
    let mut expected = vec![(FIRST, Login), ("", UnitChanged)];
    expected.extend(own.map(|kind| (FIRST, kind)));
    assert_eq!(kinds(&events), expected);
    let second = login(&system, SECOND).await;
    let events = second.own_events().await.unwrap();
    assert!(
        kinds(&events)
            .iter()
            .all(|(number, kind)| *number == SECOND || *kind == UnitChanged)
    );
}

/// SESS-8, OPS-1: an administrator does not see what happens to a number after it has left the line.
#[tokio::test]
async fn an_administrator_sees_only_numbers_of_the_line() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "3", CONTRACT, PERMANENT).await;
    system.establish(CONTRACT, "3", FIRST, PERMANENT).await;
    system.operator().remove_number(FIRST).await.unwrap();
    system
        .operator()
        .add_number(STRANGER, FIRST, true)
        .await
        .unwrap();
    system.establish(STRANGER, "2", FIRST, PERMANENT).await;
    let administrator = login(&system, CONTRACT).await;
    let events = administrator.own_events().await.unwrap();
    assert!(kinds(&events).iter().all(|(number, _)| *number == CONTRACT));
    let moved = login(&system, FIRST).await;
    assert_eq!(moved.own_events().await.unwrap().len(), 4);
}
