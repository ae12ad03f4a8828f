use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::credential::Epoch;
use aikagi_domain::fault::{ErrorType, Fault as _};
use chrono::TimeDelta;

use super::{Server, ms, now, number, pttl};
use crate::temporary_passwords::TemporaryRecord;

fn record(epoch: i64, hash: &[u8]) -> TemporaryRecord {
    TemporaryRecord {
        epoch: Epoch(epoch),
        sealed_hash: hash.to_vec(),
        expires: now() + TimeDelta::hours(24),
    }
}

/// IVR-9, IVR-10: a temporary password is stored for 24 hours, and a new one replaces it.
#[tokio::test]
async fn a_newer_password_replaces_an_older_one() {
    let server = Server::start();
    let (issuance, authentication) = (
        server.store(RedisUser::Issuance),
        server.store(RedisUser::Authentication),
    );
    let mine = number("0312345678");
    assert_eq!(
        authentication
            .temporary_passwords()
            .get(&mine)
            .await
            .unwrap(),
        None
    );

    assert!(
        issuance
            .temporary_passwords()
            .put(&mine, &record(9, &[0, 255, 13, 10]), now())
            .await
            .unwrap()
    );
    let found = authentication
        .temporary_passwords()
        .get(&mine)
        .await
        .unwrap();
    assert_eq!(found, Some(record(9, &[0, 255, 13, 10])));
    let left = pttl(&mut server.administrator().await, "temp:0312345678").await;
    assert!((86_390_000..=86_400_000).contains(&left));

    assert!(
        issuance
            .temporary_passwords()
            .put(&mine, &record(10, b"newer"), now())
            .await
            .unwrap()
    );
    let found = authentication
        .temporary_passwords()
        .get(&mine)
        .await
        .unwrap();
    assert_eq!(found, Some(record(10, b"newer")));
}

/// INV-1: of two parallel calls, the one with the older epoch never replaces the newer password.
#[tokio::test]
async fn an_older_password_never_replaces_a_newer_one() {
    let server = Server::start();
    let store = server.store(RedisUser::Issuance);
    let mine = number("0312345678");
    for newest in [10, 100, 9_007_199_254_740_993, i64::MAX] {
        assert!(
            store
                .temporary_passwords()
                .put(&mine, &record(newest, b"newest"), now())
                .await
                .unwrap()
        );
        for late in [9, newest - 1, newest] {
            assert!(
                !store
                    .temporary_passwords()
                    .put(&mine, &record(late, b"late"), now())
                    .await
                    .unwrap()
            );
        }
        let found = store.temporary_passwords().get(&mine).await.unwrap();
        assert_eq!(found, Some(record(newest, b"newest")));
    }
}

/// IVR-9: an expired password is not stored, and no password is stored for longer than it is valid.
#[tokio::test]
async fn an_expired_password_is_not_stored() {
    let server = Server::start();
    let store = server.store(RedisUser::Issuance);
    let mine = number("0312345678");
    let record = record(1, b"hash");
    assert!(
        !store
            .temporary_passwords()
            .put(&mine, &record, record.expires)
            .await
            .unwrap()
    );
    assert_eq!(store.temporary_passwords().get(&mine).await.unwrap(), None);
    assert!(
        store
            .temporary_passwords()
            .put(&mine, &record, record.expires - ms(60_000))
            .await
            .unwrap()
    );
    let left = pttl(&mut server.administrator().await, "temp:0312345678").await;
    assert!((1..=60_000).contains(&left));
}

#[tokio::test]
async fn a_malformed_value_is_reported() {
    let server = Server::start();
    let store = server.store(RedisUser::Authentication);
    let mut administrator = server.administrator().await;
    let wrong: [&[&str]; 3] = [
        &["HSET", "temp:0312345678", "epoch", "1"],
        &[
            "HSET",
            "temp:0312345679",
            "epoch",
            "x",
            "hash",
            "h",
            "expires",
            "1",
        ],
        &["SET", "temp:0312345670", "x"],
    ];
    for words in wrong {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async::<()>(&mut administrator).await.unwrap();
        let mine = number(words[1].trim_start_matches("temp:"));
        let found = store.temporary_passwords().get(&mine).await;
        assert_eq!(found.unwrap_err().cause().error_type, ErrorType::Malformed);
    }
}

/// INV-8: the Debug of a record does not show its hash.
#[test]
fn debug_shows_no_hash() {
    let printed = format!("{:?}", record(1, &[77; 4]));
    assert!(!printed.contains("77"));
}
