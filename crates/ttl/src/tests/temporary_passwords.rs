use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::credential::Epoch;
use chrono::TimeDelta;

use super::{Server, ms, now, number, pttl};
use crate::TtlError;
use crate::temp::TemporaryRecord;

fn record(epoch: i64, hash: &[u8]) -> TemporaryRecord {
    TemporaryRecord {
        epoch: Epoch(epoch),
        sealed_hash: hash.to_vec(),
        expires: now() + TimeDelta::hours(24),
    }
}

/// IVR-9, IVR-10: a temporary password is stored for 24 hours, and setting one again replaces the earlier.
#[tokio::test]
async fn a_newer_one_replaces_an_older_one() {
    let server = Server::start();
    let (issuance, authentication) = (
        server.store(RedisUser::Issuance),
        server.store(RedisUser::Authentication),
    );
    let mine = number("0312345678");
    assert_eq!(authentication.temp().get(&mine).await.unwrap(), None);

    assert!(
        issuance
            .temp()
            .put(&mine, &record(9, &[0, 255, 13, 10]), now())
            .await
            .unwrap()
    );
    let found = authentication.temp().get(&mine).await.unwrap();
    assert_eq!(found, Some(record(9, &[0, 255, 13, 10])));
    let left = pttl(&mut server.administrator().await, "temp:0312345678").await;
    assert!((86_390_000..=86_400_000).contains(&left));

    assert!(
        issuance
            .temp()
            .put(&mine, &record(10, b"newer"), now())
            .await
            .unwrap()
    );
    let found = authentication.temp().get(&mine).await.unwrap();
    assert_eq!(found, Some(record(10, b"newer")));
}

/// INV-1: when two calls cross, the one with the older epoch does not overwrite the newer, however late it comes.
#[tokio::test]
async fn an_older_one_never_replaces_a_newer_one() {
    let server = Server::start();
    let store = server.store(RedisUser::Issuance);
    let mine = number("0312345678");
    for newest in [10, 100, 9_007_199_254_740_993, i64::MAX] {
        assert!(
            store
                .temp()
                .put(&mine, &record(newest, b"newest"), now())
                .await
                .unwrap()
        );
        for late in [9, newest - 1, newest] {
            assert!(
                !store
                    .temp()
                    .put(&mine, &record(late, b"late"), now())
                    .await
                    .unwrap()
            );
        }
        let found = store.temp().get(&mine).await.unwrap();
        assert_eq!(found, Some(record(newest, b"newest")));
    }
}

/// IVR-9: what has expired is not stored, and nothing is stored beyond its end.
#[tokio::test]
async fn what_has_expired_is_not_stored() {
    let server = Server::start();
    let store = server.store(RedisUser::Issuance);
    let mine = number("0312345678");
    let record = record(1, b"hash");
    assert!(
        !store
            .temp()
            .put(&mine, &record, record.expires)
            .await
            .unwrap()
    );
    assert_eq!(store.temp().get(&mine).await.unwrap(), None);
    assert!(
        store
            .temp()
            .put(&mine, &record, record.expires - ms(60_000))
            .await
            .unwrap()
    );
    let left = pttl(&mut server.administrator().await, "temp:0312345678").await;
    assert!((1..=60_000).contains(&left));
}

#[tokio::test]
async fn a_value_of_another_making_is_corrupt() {
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
        assert_eq!(store.temp().get(&mine).await, Err(TtlError::Corrupt));
    }
}

/// INV-8: a record prints without its hash.
#[test]
fn a_record_prints_without_its_hash() {
    let printed = format!("{:?}", record(1, &[77; 4]));
    assert!(!printed.contains("77"));
}
