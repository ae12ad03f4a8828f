use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Server, ms, now, pttl};
use crate::sess::Stored;

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

fn stored(used: DateTime<Utc>) -> Stored {
    Stored {
        record: RECORD.to_vec(),
        used,
        ends: ends(),
    }
}

/// SESS-1: use prolongs a session, looking does not, and unused it ends to the millisecond.
#[tokio::test]
async fn a_session_unused_for_a_while_ends() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sess = store.sess();
    assert_eq!(
        sess.touch(&DIGEST, now(), idle(), false).await.unwrap(),
        None
    );
    sess.put(&DIGEST, &account(), RECORD, now(), idle(), ends())
        .await
        .unwrap();

    let later = now() + TimeDelta::minutes(14);
    let peeked = sess.touch(&DIGEST, later, idle(), true).await.unwrap();
    assert_eq!(peeked, Some(stored(now())));
    let touched = sess.touch(&DIGEST, later, idle(), false).await.unwrap();
    assert_eq!(touched, Some(stored(later)));

    let last = later + idle() - ms(1);
    let peeked = sess.touch(&DIGEST, last, idle(), true).await.unwrap();
    assert_eq!(peeked, Some(stored(later)));
    for peek in [true, false] {
        let gone = sess
            .touch(&DIGEST, later + idle(), idle(), peek)
            .await
            .unwrap();
        assert_eq!(gone, None);
    }
    assert_eq!(
        sess.touch(&DIGEST, later, idle(), true).await.unwrap(),
        None
    );
}

/// SESS-1: however much it is used, a session ends when its time is over.
#[tokio::test]
async fn a_session_in_use_ends_when_its_time_is_over() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sess = store.sess();
    sess.put(&DIGEST, &account(), RECORD, now(), idle(), ends())
        .await
        .unwrap();
    let mut moment = now();
    while moment < ends() {
        assert!(
            sess.touch(&DIGEST, moment, idle(), false)
                .await
                .unwrap()
                .is_some()
        );
        moment += TimeDelta::minutes(10);
    }
    let near = ends() - ms(30_000);
    assert!(
        sess.touch(&DIGEST, near, idle(), false)
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
        sess.touch(&DIGEST, ends(), idle(), false).await.unwrap(),
        None
    );

    sess.put(&DIGEST, &account(), RECORD, ends(), idle(), ends())
        .await
        .unwrap();
    assert_eq!(
        sess.touch(&DIGEST, now(), idle(), true).await.unwrap(),
        None
    );
}

/// SESS-1: a replica whose clock is behind takes no use back.
#[tokio::test]
async fn a_clock_that_is_behind_takes_no_use_back() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sess = store.sess();
    let later = now() + ms(500);
    sess.put(&DIGEST, &account(), RECORD, later, idle(), ends())
        .await
        .unwrap();
    let touched = sess.touch(&DIGEST, now(), idle(), false).await.unwrap();
    assert_eq!(touched, Some(stored(later)));
}

/// SESS-2, SESS-3: a session is removed by its digest, and the store knows nothing else of the token.
#[tokio::test]
async fn a_removed_session_is_gone() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sess = store.sess();
    sess.put(&DIGEST, &account(), RECORD, now(), idle(), ends())
        .await
        .unwrap();
    assert!(sess.remove(&DIGEST).await.unwrap());
    assert!(!sess.remove(&DIGEST).await.unwrap());
    assert_eq!(
        sess.touch(&DIGEST, now(), idle(), true).await.unwrap(),
        None
    );
}

/// OPS-2, SESS-1: an account's sessions can be listed until the last of them ends; those whose time is over leave the
/// list when another comes.
#[tokio::test]
async fn an_accounts_sessions_are_listed() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let sess = store.sess();
    assert!(sess.of(&account()).await.unwrap().is_empty());
    let other = TokenDigest([0x5a; 32]);
    let soon = now() + TimeDelta::hours(1);
    for (digest, ends) in [(&DIGEST, ends()), (&other, soon)] {
        sess.put(digest, &account(), RECORD, now(), idle(), ends)
            .await
            .unwrap();
    }
    assert_eq!(sess.of(&account()).await.unwrap(), [other, DIGEST]);
    let mut administrator = server.administrator().await;
    let left = pttl(&mut administrator, "sess:of:0312345678").await;
    assert!((1..=12 * 3_600_000).contains(&left) && left > 11 * 3_600_000);

    let third = TokenDigest([0x11; 32]);
    sess.put(&third, &account(), RECORD, soon, idle(), ends())
        .await
        .unwrap();
    let mut listed = sess.of(&account()).await.unwrap();
    listed.sort_by_key(|digest| digest.0);
    assert_eq!(listed, [third, DIGEST]);
}
