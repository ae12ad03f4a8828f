use super::{Server, ms, pttl};
use aikagi_devkit::installation::redis_users::RedisUser;

/// IVR-12: any replica takes any turn, and of two that take the same one the store lets one win.
#[tokio::test]
async fn one_of_two_turns_wins() {
    let server = Server::start();
    let (one, other) = (
        server.store(RedisUser::Issuance),
        server.store(RedisUser::Issuance),
    );
    assert_eq!(one.call().load("c1").await.unwrap(), None);
    assert!(
        one.call()
            .save("c1", None, b"first", ms(60_000))
            .await
            .unwrap()
    );
    assert!(
        !other
            .call()
            .save("c1", None, b"also first", ms(60_000))
            .await
            .unwrap()
    );

    let (version, record) = other.call().load("c1").await.unwrap().unwrap();
    assert_eq!((version, record.as_slice()), (1, b"first".as_slice()));
    assert!(
        other
            .call()
            .save("c1", Some(1), &[0, 255], ms(60_000))
            .await
            .unwrap()
    );
    assert!(
        !one.call()
            .save("c1", Some(1), b"late", ms(60_000))
            .await
            .unwrap()
    );
    assert!(
        !one.call()
            .save("c1", Some(3), b"early", ms(60_000))
            .await
            .unwrap()
    );
    assert_eq!(
        one.call().load("c1").await.unwrap(),
        Some((2, vec![0, 255]))
    );
}

/// IVR-12: an abandoned call expires, and one that was lost is not continued.
#[tokio::test]
async fn a_call_leaves_nothing_but_state_that_expires() {
    let server = Server::start();
    let store = server.store(RedisUser::Issuance);
    assert!(
        store
            .call()
            .save("c1", None, b"x", ms(300_000))
            .await
            .unwrap()
    );
    let left = pttl(&mut server.administrator().await, "call:c1").await;
    assert!((1..=300_000).contains(&left));
    server.redis.flush().unwrap();
    assert!(
        !store
            .call()
            .save("c1", Some(1), b"y", ms(300_000))
            .await
            .unwrap()
    );
    assert_eq!(store.call().load("c1").await.unwrap(), None);

    assert!(
        store
            .call()
            .save("c1", None, b"z", ms(300_000))
            .await
            .unwrap()
    );
    store.call().remove("c1").await.unwrap();
    store.call().remove("c1").await.unwrap();
    assert_eq!(store.call().load("c1").await.unwrap(), None);
}
