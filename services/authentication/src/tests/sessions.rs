//! The end of sessions, and the audit event of a refused access.

use aikagi_domain::credential::{CredentialKind, Epoch};
use aikagi_domain::session::{DeviceClass, SessionRecord, TokenDigest};
use aikagi_ledger::audit::AuditAction;
use chrono::TimeDelta;

use super::{CONTRACT, Fixture, NOBODY, USER, number};

const DIGEST: TokenDigest = TokenDigest([7; 32]);

async fn record(fixture: &Fixture) -> SessionRecord {
    SessionRecord {
        account: number(USER),
        line_id: fixture.line_id(USER).await,
        epoch: Epoch(1),
        generation: 0,
        must_change: None,
        opened: fixture.now(),
        ends: fixture.now() + TimeDelta::hours(12),
        last_login: None,
        wrong_attempts: 0,
        device: DeviceClass::Other,
    }
}

async fn ended_sessions(fixture: &Fixture) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM ended_sessions")
        .fetch_one(&fixture.ledger)
        .await
        .unwrap()
}

/// SESS-2, INV-3, OPS-3: a session ends only once. Ending it again changes nothing and writes no audit event.
#[tokio::test]
async fn a_session_ends_once() {
    let fixture = Fixture::new().await;
    let record = record(&fixture).await;
    for _ in 0..2 {
        let ended = fixture
            .store()
            .end_session(&DIGEST, &record, AuditAction::Logout, fixture.now())
            .await;
        ended.unwrap();
        let account = fixture.store().account(&number(USER), &DIGEST).await;
        assert!(account.unwrap().unwrap().state.ended);
        let events = fixture.events().await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].action, "LOGOUT");
        assert_eq!(events[0].number.as_deref(), Some(USER));
        assert_eq!(events[0].outcome, "DONE");
    }
}

/// SESS-2: the list of ended sessions keeps a session until it expires.
#[tokio::test]
async fn ended_sessions_are_kept_until_they_expire() {
    let fixture = Fixture::new().await;
    let record = record(&fixture).await;
    let store = fixture.store();
    let ended = store
        .end_session(&DIGEST, &record, AuditAction::Logout, fixture.now())
        .await;
    ended.unwrap();
    store.remove_expired_sessions(record.ends).await.unwrap();
    assert_eq!(ended_sessions(&fixture).await, 1);
    let after = record.ends + TimeDelta::milliseconds(1);
    store.remove_expired_sessions(after).await.unwrap();
    assert_eq!(ended_sessions(&fixture).await, 0);
}

/// SESS-2, OPS-2, OPS-3: an operator ends all sessions of one account, and no others.
#[tokio::test]
async fn an_operator_ends_all_sessions_of_an_account() {
    let fixture = Fixture::new().await;
    let end = async |account: &str| {
        let ended = fixture
            .store()
            .end_sessions(&number(account), "operator/alice", fixture.now())
            .await;
        ended.unwrap()
    };
    let generation = async |account: &str| {
        let found = fixture.store().account(&number(account), &DIGEST).await;
        found.unwrap().unwrap().state.generation
    };
    assert!(!end(NOBODY).await);
    assert_eq!(fixture.events().await, []);
    let before = generation(USER).await;
    assert!(end(USER).await);
    assert_eq!(generation(USER).await, before + 1);
    assert_eq!(generation(CONTRACT).await, before);
    let events = fixture.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].actor, "operator/alice");
    assert_eq!(events[0].action, "END_SESSIONS");
    assert_eq!(events[0].number.as_deref(), Some(USER));
}

/// OPS-2: an operator who lists sessions learns if the number is on a line.
#[tokio::test]
async fn numbers_on_a_line_are_found() {
    let fixture = Fixture::new().await;
    for (account, expected) in [(USER, true), (CONTRACT, true), (NOBODY, false)] {
        let found = fixture.store().is_on_a_line(&number(account)).await;
        assert_eq!(found.unwrap(), expected, "{account}");
    }
}

/// SESS-4, OPS-3: if a back end asks for a session that may not change the number, an audit event has the reason and
/// the masked account of the session.
#[tokio::test]
async fn a_refused_access_writes_an_event() {
    let fixture = Fixture::new().await;
    let record = record(&fixture).await;
    let noted = fixture
        .store()
        .note_refused_access(&record, "OUT_OF_SCOPE", fixture.now())
        .await;
    noted.unwrap();
    let events = fixture.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].actor, number(USER).masked());
    assert_eq!(events[0].action, "CHECK_ACCESS");
    assert_eq!(events[0].outcome, "REFUSED");
    assert_eq!(events[0].reason.as_deref(), Some("OUT_OF_SCOPE"));
}

/// SESS-7, INV-3, OPS-3: only a live session ends the other ones. A session of an earlier generation begins no new
/// generation.
#[tokio::test]
async fn only_a_live_session_ends_the_other_ones() {
    let fixture = Fixture::new().await;
    let epoch = fixture
        .set(USER, CredentialKind::Permanent, "abcd1234")
        .await;
    let live = SessionRecord {
        epoch,
        ..record(&fixture).await
    };
    let end = async |record: &SessionRecord, digest| {
        let ended = fixture
            .store()
            .end_other_sessions(&digest, record, fixture.now())
            .await;
        ended.unwrap()
    };
    let other_line = fixture.line_id("0355550001").await;
    for ended in [
        SessionRecord {
            epoch: Epoch(epoch.0 - 1),
            ..live.clone()
        },
        SessionRecord {
            generation: 1,
            ..live.clone()
        },
        SessionRecord {
            line_id: other_line,
            ..live.clone()
        },
    ] {
        assert_eq!(end(&ended, DIGEST).await, None, "{ended:?}");
    }
    assert_eq!(fixture.events().await, []);
    assert_eq!(end(&live, DIGEST).await, Some(1));
    assert_eq!(end(&live, DIGEST).await, None);
    let continued = SessionRecord {
        generation: 1,
        ..live
    };
    fixture
        .store()
        .end_session(&DIGEST, &continued, AuditAction::EndSession, fixture.now())
        .await
        .unwrap();
    assert_eq!(end(&continued, DIGEST).await, None);
    assert_eq!(end(&continued, TokenDigest([8; 32])).await, Some(2));
    let events = fixture.events().await;
    let actions: Vec<&str> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["END_SESSIONS", "END_SESSION", "END_SESSIONS"]);
    assert!(
        events
            .iter()
            .all(|event| event.actor == number(USER).masked())
    );
}
