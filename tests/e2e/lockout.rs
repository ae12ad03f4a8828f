//! The exact limits (LOGIN-2 to LOGIN-4), under any number of parallel attempts.

use aikagi_tests::world::{
    CONTRACT, OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, TEMPORARY, World, refused,
};
use chrono::TimeDelta;
use tokio::task::JoinSet;

const ATTEMPTS: usize = 500;
/// Of authentication, in each storm.
const REPLICAS: [usize; 4] = [1, 2, 3, 5];

/// LOGIN-2: three wrong attempts in a row kill a temporary password; two do not.
#[tokio::test]
async fn three_wrong_attempts_kill_a_temporary_password() {
    let world = World::start().await;
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    for _ in 0..2 {
        refused(world.site().login(CONTRACT, "00000000").await);
    }
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
    for _ in 0..3 {
        refused(world.site().login(CONTRACT, "00000000").await);
    }
    assert_eq!(
        refused(world.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
    assert!(
        world
            .operator()
            .number(CONTRACT)
            .await
            .unwrap()
            .kill_time
            .is_some()
    );

    // The way back works at once (OPS-2).
    world.telephone(CONTRACT, "1", "", OTHER_TEMPORARY).await;
    world.site().login(CONTRACT, OTHER_TEMPORARY).await.unwrap();
}

/// LOGIN-2: ten wrong attempts in a row kill a permanent password; nine do not.
#[tokio::test]
async fn ten_wrong_attempts_kill_a_permanent_password() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    for _ in 0..9 {
        refused(world.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    world.site().login(CONTRACT, PERMANENT).await.unwrap();
    for _ in 0..10 {
        refused(world.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    assert_eq!(
        refused(world.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    world.wait(TimeDelta::days(365));
    assert_eq!(
        refused(world.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// LOGIN-3: nothing but a login sets the count to 0: not time, not another session, not the loss of the
/// cache.
#[tokio::test]
async fn only_a_login_sets_the_count_to_zero() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    for _ in 0..9 {
        refused(world.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    session.session().await.unwrap();
    session.logout().await.unwrap();
    world.wait(TimeDelta::days(30));
    world.redis.flush().unwrap();
    assert_eq!(world.operator().number(CONTRACT).await.unwrap().failures, 9);
    refused(world.site().login(CONTRACT, OTHER_PERMANENT).await);
    assert_eq!(
        refused(world.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// Sends wrong attempts at once, a right one among the last, and counts the passwords looked at.
async fn storm(
    world: &World,
    right: &'static str,
    wrong: &'static str,
    flush: bool,
) -> (u64, usize) {
    let before = world
        .authentication
        .iter()
        .map(|replica| replica.pool().counts().verified)
        .sum::<u64>();
    let mut attempts = JoinSet::new();
    for attempt in 0..ATTEMPTS {
        let site = world.site();
        let password = if attempt == ATTEMPTS - 5 {
            right
        } else {
            wrong
        };
        attempts.spawn(async move { site.login(CONTRACT, password).await.is_ok() });
        if flush && attempt == ATTEMPTS / 2 {
            world.redis.flush().unwrap();
        }
    }
    let opened = attempts
        .join_all()
        .await
        .into_iter()
        .filter(|opened| *opened)
        .count();
    let after = world
        .authentication
        .iter()
        .map(|replica| replica.pool().counts().verified)
        .sum::<u64>();
    (after - before, opened)
}

/// LOGIN-4: of 500 attempts at once, over however many replicas, exactly 3 reach the hash of a temporary password, and
/// the right one among the last is refused.
/// INV-2: one counter, exact under any number of parallel attempts.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_gets_exactly_three_looks_at_a_temporary_password() {
    for replicas in REPLICAS {
        let world = World::with_authentication(replicas).await;
        world.telephone(CONTRACT, "1", "", TEMPORARY).await;
        for _ in 0..3 {
            // The storm's own order is chance; the count is not: begin it with the wrong ones.
            refused(world.site().login(CONTRACT, "00000000").await);
        }
        let (looked, opened) = storm(&world, TEMPORARY, "00000000", false).await;
        assert_eq!((looked, opened), (0, 0), "{replicas} replicas");

        world.telephone(CONTRACT, "1", "", OTHER_TEMPORARY).await;
        let (looked, opened) = storm(&world, "99999999", "00000000", false).await;
        assert_eq!((looked, opened), (3, 0), "{replicas} replicas");
        let number = world.operator().number(CONTRACT).await.unwrap();
        assert_eq!(number.failures, 3);
        assert!(number.kill_time.is_some());
        assert_eq!(
            refused(world.site().login(CONTRACT, OTHER_TEMPORARY).await),
            "LOGIN_REFUSED"
        );
    }
}

/// LOGIN-4: of 500 attempts at once, over however many replicas, exactly 10 reach the hash of a permanent password,
/// though Redis is emptied midway.
/// INV-3: the loss of Redis loosens no limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_gets_exactly_ten_looks_at_a_permanent_password() {
    for replicas in REPLICAS {
        let world = World::with_authentication(replicas).await;
        world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
        let (looked, opened) = storm(&world, OTHER_PERMANENT, OTHER_PERMANENT, true).await;
        assert_eq!((looked, opened), (10, 0), "{replicas} replicas");
        assert_eq!(
            world.operator().number(CONTRACT).await.unwrap().failures,
            10
        );
        assert_eq!(
            refused(world.site().login(CONTRACT, PERMANENT).await),
            "LOGIN_REFUSED"
        );
    }
}
