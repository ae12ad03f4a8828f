//! The exact limits, under any number of parallel attempts (LOGIN-2 to LOGIN-4).

use aikagi_client::refused;
use aikagi_client::samples::{CONTRACT, OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, TEMPORARY};
use aikagi_e2e::in_process::InProcessSystem;
use chrono::TimeDelta;
use tokio::task::JoinSet;

const ATTEMPTS: usize = 500;
/// The number of authentication replicas in each storm.
const REPLICAS: [usize; 4] = [1, 2, 3, 5];

/// LOGIN-2: three wrong attempts in a row kill a temporary password. Two do not.
#[tokio::test]
async fn three_wrong_attempts_kill_a_temporary_password() {
    let system = InProcessSystem::start().await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    for _ in 0..2 {
        refused(system.site().login(CONTRACT, "00000000").await);
    }
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    for _ in 0..3 {
        refused(system.site().login(CONTRACT, "00000000").await);
    }
    assert_eq!(
        refused(system.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
    assert!(
        system
            .operator()
            .number(CONTRACT)
            .await
            .unwrap()
            .kill_time
            .is_some()
    );

    // A new temporary password works immediately (OPS-2).
    system
        .set_by_telephone(CONTRACT, "1", "", OTHER_TEMPORARY)
        .await;
    system
        .site()
        .login(CONTRACT, OTHER_TEMPORARY)
        .await
        .unwrap();
}

/// LOGIN-2: ten wrong attempts in a row kill a permanent password. Nine do not.
#[tokio::test]
async fn ten_wrong_attempts_kill_a_permanent_password() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    for _ in 0..9 {
        refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
    for _ in 0..10 {
        refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    system.wait(TimeDelta::days(365));
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// LOGIN-3: only a login sets the count to 0. Time, another session or the loss of the TTL store
/// does not.
#[tokio::test]
async fn only_a_login_sets_the_count_to_zero() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    for _ in 0..9 {
        refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    session.session().await.unwrap();
    session.logout().await.unwrap();
    system.wait(TimeDelta::days(30));
    system.redis.flush().unwrap();
    assert_eq!(
        system.operator().number(CONTRACT).await.unwrap().failures,
        9
    );
    refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// Sends concurrent attempts: one with the password `right`, near the end, and all others with
/// `wrong`. Returns the numbers of compared passwords and of opened sessions.
async fn storm(
    system: &InProcessSystem,
    right: &'static str,
    wrong: &'static str,
    flush: bool,
) -> (u64, usize) {
    let before = system
        .authentication
        .iter()
        .map(|replica| replica.pool().counts().verified)
        .sum::<u64>();
    let mut attempts = JoinSet::new();
    for attempt in 0..ATTEMPTS {
        let site = system.site();
        let password = if attempt == ATTEMPTS - 5 {
            right
        } else {
            wrong
        };
        attempts.spawn(async move { site.login(CONTRACT, password).await.is_ok() });
        if flush && attempt == ATTEMPTS / 2 {
            system.redis.flush().unwrap();
        }
    }
    let opened = attempts
        .join_all()
        .await
        .into_iter()
        .filter(|opened| *opened)
        .count();
    let after = system
        .authentication
        .iter()
        .map(|replica| replica.pool().counts().verified)
        .sum::<u64>();
    (after - before, opened)
}

/// LOGIN-4: of 500 concurrent attempts over any number of replicas, exactly 3 are compared with the
/// hash of a temporary password. After that, even the right password is refused.
/// INV-2: the single counter is exact under any number of parallel attempts.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_compares_exactly_three_temporary_passwords() {
    for replicas in REPLICAS {
        let system = InProcessSystem::with_authentication(replicas).await;
        system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
        for _ in 0..3 {
            // The storm has a random order. Kill the password first, because the right attempt
            // could be among the first three.
            refused(system.site().login(CONTRACT, "00000000").await);
        }
        let (looked, opened) = storm(&system, TEMPORARY, "00000000", false).await;
        assert_eq!((looked, opened), (0, 0), "{replicas} replicas");

        system
            .set_by_telephone(CONTRACT, "1", "", OTHER_TEMPORARY)
            .await;
        let (looked, opened) = storm(&system, "99999999", "00000000", false).await;
        assert_eq!((looked, opened), (3, 0), "{replicas} replicas");
        let number = system.operator().number(CONTRACT).await.unwrap();
        assert_eq!(number.failures, 3);
        assert!(number.kill_time.is_some());
        assert_eq!(
            refused(system.site().login(CONTRACT, OTHER_TEMPORARY).await),
            "LOGIN_REFUSED"
        );
    }
}

/// LOGIN-4: of 500 concurrent attempts over any number of replicas, exactly 10 are compared with
/// the hash of a permanent password, even if Redis is emptied midway.
/// INV-3: the loss of Redis weakens no limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_compares_exactly_ten_permanent_passwords() {
    for replicas in REPLICAS {
        let system = InProcessSystem::with_authentication(replicas).await;
        system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
        let (looked, opened) = storm(&system, OTHER_PERMANENT, OTHER_PERMANENT, true).await;
        assert_eq!((looked, opened), (10, 0), "{replicas} replicas");
        assert_eq!(
            system.operator().number(CONTRACT).await.unwrap().failures,
            10
        );
        assert_eq!(
            refused(system.site().login(CONTRACT, PERMANENT).await),
            "LOGIN_REFUSED"
        );
    }
}
