use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::limit::{Quota, QuotaDecision};
use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use super::{Server, ms, now, pttl};

fn quota(burst: u32, period: TimeDelta) -> Quota {
    Quota { burst, period }
}

/// LOGIN-8: the burst is allowed. Further attempts are refused until the time in the response. Other addresses have
/// their own quota.
#[tokio::test]
async fn attempts_beyond_the_burst_are_refused_for_a_time() {
    let server = Server::start();
    let store = server.store(RedisUser::Gateway);
    let quota = quota(2, TimeDelta::seconds(60));
    for _ in 0..2 {
        assert_eq!(
            store
                .rate_limits()
                .take("192.0.2.1", &quota, 1, now())
                .await
                .unwrap(),
            Ok(())
        );
    }
    let refused = store
        .rate_limits()
        .take("192.0.2.1", &quota, 1, now())
        .await
        .unwrap();
    assert_eq!(refused, Err(TimeDelta::seconds(30)));
    assert_eq!(
        store
            .rate_limits()
            .take("192.0.2.2", &quota, 1, now())
            .await
            .unwrap(),
        Ok(())
    );
    let then = now() + TimeDelta::seconds(30);
    assert!(
        store
            .rate_limits()
            .take("192.0.2.1", &quota, 1, then - ms(1))
            .await
            .unwrap()
            .is_err()
    );
    assert_eq!(
        store
            .rate_limits()
            .take("192.0.2.1", &quota, 1, then)
            .await
            .unwrap(),
        Ok(())
    );
    let left = pttl(&mut server.administrator().await, "rate:192.0.2.1").await;
    assert!((1..=60_000).contains(&left));
}

/// LOGIN-8: each password of a request takes an attempt. Returned attempts are available again. No more attempts become
/// available than were taken.
#[tokio::test]
async fn attempts_can_be_returned() {
    let server = Server::start();
    let store = server.store(RedisUser::Gateway);
    let limits = store.rate_limits();
    let quota = quota(3, TimeDelta::seconds(60));
    let take = async |passwords| {
        let taken = limits.take("192.0.2.1", &quota, passwords, now()).await;
        taken.unwrap()
    };
    assert_eq!(take(1).await, Ok(()));
    assert_eq!(take(1_000).await, Ok(()));
    assert_eq!(take(1).await, Err(TimeDelta::seconds(40)));
    limits.refund("192.0.2.1", &quota, 2, now()).await.unwrap();
    assert_eq!(take(1).await, Ok(()));
    assert_eq!(take(1).await, Err(TimeDelta::seconds(20)));
    limits.refund("192.0.2.1", &quota, 9, now()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(take(1).await, Ok(()));
    }
    assert_eq!(take(1).await, Err(TimeDelta::seconds(20)));
}

/// LOGIN-8: a quota of 0 attempts refuses each attempt without Redis.
#[tokio::test]
async fn an_empty_quota_needs_no_redis() {
    let mut server = Server::start();
    let store = server.store(RedisUser::Gateway);
    server.redis.stop();
    let none = quota(0, TimeDelta::seconds(60));
    assert!(
        store
            .rate_limits()
            .take("192.0.2.1", &none, 1, now())
            .await
            .unwrap()
            .is_err()
    );
}

/// LOGIN-8: the script and `Quota::take` make the same decisions, for any quota and any sequence of attempts.
#[test]
fn the_script_agrees_with_the_rule() {
    let runtime = Runtime::new().unwrap();
    let server = Server::start();
    let store = runtime.block_on(async { server.store(RedisUser::Gateway) });
    let mut runner = TestRunner::new(Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    });
    let mut case = 0;
    let gaps = prop::collection::vec((0_i64..2_000, 1_u32..20), 1..40);
    let key = std::cell::RefCell::new(&mut case);
    runner
        .run(
            &(0_u32..12, 1_i64..20_000, gaps),
            |(burst, period, gaps)| {
                let quota = quota(burst, ms(period));
                **key.borrow_mut() += 1;
                let key = format!("case-{}", key.borrow());
                let (mut tat, mut clock) = (None, now().timestamp_millis());
                for (gap, passwords) in gaps {
                    clock += gap;
                    let at = DateTime::from_timestamp_millis(clock).unwrap();
                    let scripted = runtime
                        .block_on(store.rate_limits().take(&key, &quota, passwords, at))
                        .unwrap();
                    let ruled = match quota.take_all(tat, clock, passwords) {
                        QuotaDecision::Allowed { new_tat } => {
                            tat = Some(new_tat);
                            Ok(())
                        }
                        QuotaDecision::Refused { retry_after } => Err(retry_after),
                    };
                    prop_assert_eq!(scripted, ruled);
                }
                Ok(())
            },
        )
        .unwrap();
}
