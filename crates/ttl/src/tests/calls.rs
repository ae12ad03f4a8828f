use super::{Server, ms, pttl};
use aikagi_devkit::installation::redis_users::RedisUser;

/// IVR-12: any replica can take any turn. If two replicas take the same turn, the store accepts one of them.
#[tokio::test]
async fn the_store_accepts_one_of_two_turns() {
    let server = Server::start();
    let (one, other) = (
        server.store(RedisUser::Issuance),
        server.store(RedisUser::Issuance),
    );
    assert_eq!(one.calls().load("c1").await.unwrap(), None);
    assert!(
        one.calls()
            .save("c1", None, b"first", ms(60_000))
            .await
            .unwrap()
    );
    assert!(
        !other
            .calls()
            .save("c1", None, b"also first", ms(60_000))
            .await
            .unwrap()
    );

    let (version, record) = other.calls().load("c1").await.unwrap().unwrap();
    assert_eq!((version, record.as_slice()), (1, b"first".as_slice()));
    assert!(
        other
            .calls()
            .save("c1", Some(1), &[0, 255], ms(60_000))
            .await
            .unwrap()
    );
    assert!(
        !one.calls()
            .save("c1", Some(1), b"late", ms(60_000))
            .await
            .unwrap()
    );
    assert!(
        !one.calls()
            .save("c1", Some(3), b"early", ms(60_000))
            .await
            .unwrap()
    );
    assert_eq!(
        one.calls().load("c1").await.unwrap(),
        Some((2, vec![0, 255]))
    );
}

/// IVR-12: an abandoned call expires, and a lost call is not continued.
#[tokio::test]
async fn an_abandoned_call_expires() {
    let server = Server::start();
    let store = server.store(RedisUser::Issuance);
    assert!(
        store
            .calls()
            .save("c1", None, b"x", ms(300_000))
            .await
            .unwrap()
    );
    let left = pttl(&mut server.administrator().await, "call:c1").await;
    assert!((1..=300_000).contains(&left));
    server.redis.flush().unwrap();
    assert!(
        !store
            .calls()
            .save("c1", Some(1), b"y", ms(300_000))
            .await
            .unwrap()
    );
    assert_eq!(store.calls().load("c1").await.unwrap(), None);

    assert!(
        store
            .calls()
            .save("c1", None, b"z", ms(300_000))
            .await
            .unwrap()
    );
    store.calls().remove("c1").await.unwrap();
    store.calls().remove("c1").await.unwrap();
    assert_eq!(store.calls().load("c1").await.unwrap(), None);
}
