use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Server, ms, now, pttl};
use crate::sessions::SessionEntry;

const DIGEST: TokenDigest = TokenDigest([0xa5; 32]);
const RECORD: &[u8] = &[0, 159, 146, 150];

fn account() -> TelephoneNumber {
    TelephoneNumber::parse("0312345678").unwrap()
}

fn idle() -> TimeDelta {
    TimeDelta::minutes(15)
}

fn ends() -> DateTime<Utc> {
    now() + TimeDelta::hours(12)
}

fn stored(used: DateTime<Utc>) -> SessionEntry {
    SessionEntry {
        record: RECORD.to_vec(),
        used,
        ends: ends(),
    }
}

/// SESS-1: use extends a session and a peek does not. An unused session ends at the exact millisecond.
#[tokio::test]
async fn an_unused_session_ends() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sessions = store.sessions();
    assert_eq!(
        sessions.touch(&DIGEST, now(), idle(), false).await.unwrap(),
        None
    );
    sessions
        .put(&DIGEST, &account(), RECORD, now(), idle(), ends())
        .await
        .unwrap();

    let later = now() + TimeDelta::minutes(14);
    let peeked = sessions.touch(&DIGEST, later, idle(), true).await.unwrap();
    assert_eq!(peeked, Some(stored(now())));
    let touched = sessions.touch(&DIGEST, later, idle(), false).await.unwrap();
    assert_eq!(touched, Some(stored(later)));

    let last = later + idle() - ms(1);
    let peeked = sessions.touch(&DIGEST, last, idle(), true).await.unwrap();
    assert_eq!(peeked, Some(stored(later)));
    for peek in [true, false] {
        let ended = sessions
            .touch(&DIGEST, later + idle(), idle(), peek)
            .await
            .unwrap();
        assert_eq!(ended, None);
    }
    assert_eq!(
        sessions.touch(&DIGEST, later, idle(), true).await.unwrap(),
        None
    );
}

/// SESS-1: a session in use ends after its longest lifetime.
#[tokio::test]
async fn a_session_in_use_ends_too() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sessions = store.sessions();
    sessions
        .put(&DIGEST, &account(), RECORD, now(), idle(), ends())
        .await
        .unwrap();
    let mut moment = now();
    while moment < ends() {
        assert!(
            sessions
                .touch(&DIGEST, moment, idle(), false)
                .await
                .unwrap()
                .is_some()
        );
        moment += TimeDelta::minutes(10);
    }
    let near = ends() - ms(30_000);
    assert!(
        sessions
            .touch(&DIGEST, near, idle(), false)
            .await
            .unwrap()
            .is_some()
    );
    let left = pttl(
        &mut server.administrator().await,
        &format!("sess:{}", "a5".repeat(32)),
    )
    .await;
    assert!((1..=30_000).contains(&left));
    assert_eq!(
        sessions
            .touch(&DIGEST, ends(), idle(), false)
            .await
            .unwrap(),
        None
    );

    sessions
        .put(&DIGEST, &account(), RECORD, ends(), idle(), ends())
        .await
        .unwrap();
    assert_eq!(
        sessions.touch(&DIGEST, now(), idle(), true).await.unwrap(),
        None
    );
}

/// SESS-1: a replica whose clock is behind does not undo a later use.
#[tokio::test]
async fn a_clock_that_is_behind_undoes_no_use() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sessions = store.sessions();
    let later = now() + ms(500);
    sessions
        .put(&DIGEST, &account(), RECORD, later, idle(), ends())
        .await
        .unwrap();
    let touched = sessions.touch(&DIGEST, now(), idle(), false).await.unwrap();
    assert_eq!(touched, Some(stored(later)));
}

/// SESS-2, SESS-3: a session is removed by the digest of its token. The store knows nothing else of the token.
#[tokio::test]
async fn a_removed_session_is_not_found() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sessions = store.sessions();
    sessions
        .put(&DIGEST, &account(), RECORD, now(), idle(), ends())
        .await
        .unwrap();
    assert!(sessions.remove(&DIGEST).await.unwrap());
    assert!(!sessions.remove(&DIGEST).await.unwrap());
    assert_eq!(
        sessions.touch(&DIGEST, now(), idle(), true).await.unwrap(),
        None
    );
}

/// OPS-2, SESS-1, SESS-7: the list of an account's sessions exists until the last session ends. A new session removes
/// ended sessions from the list.
#[tokio::test]
async fn an_accounts_sessions_are_listed() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sessions = store.sessions();
    assert!(sessions.of(&account()).await.unwrap().is_empty());
    let other = TokenDigest([0x5a; 32]);
    let soon = now() + TimeDelta::hours(1);
    for (digest, ends) in [(&DIGEST, ends()), (&other, soon)] {
        sessions
            .put(digest, &account(), RECORD, now(), idle(), ends)
            .await
            .unwrap();
    }
    assert_eq!(sessions.of(&account()).await.unwrap(), [other, DIGEST]);
    for (count, expected) in [
        (1, &[DIGEST][..]),
        (2, &[other, DIGEST]),
        (9, &[other, DIGEST]),
    ] {
        let last = sessions.last_of(&account(), count).await.unwrap();
        assert_eq!(last, expected);
    }
    let mut administrator = server.administrator().await;
    let left = pttl(&mut administrator, "sess:of:0312345678").await;
    assert!((1..=12 * 3_600_000).contains(&left) && left > 11 * 3_600_000);

    let third = TokenDigest([0x11; 32]);
    sessions
        .put(&third, &account(), RECORD, soon, idle(), ends())
        .await
        .unwrap();
    let mut listed = sessions.of(&account()).await.unwrap();
    listed.sort_by_key(|digest| digest.0);
    assert_eq!(listed, [third, DIGEST]);
}
