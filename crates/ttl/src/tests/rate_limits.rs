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
                .take("192.0.2.1", &quota, now())
                .await
                .unwrap(),
            Ok(())
        );
    }
    let refused = store
        .rate_limits()
        .take("192.0.2.1", &quota, now())
        .await
        .unwrap();
    assert_eq!(refused, Err(TimeDelta::seconds(30)));
    assert_eq!(
        store
            .rate_limits()
            .take("192.0.2.2", &quota, now())
            .await
            .unwrap(),
        Ok(())
    );
    let then = now() + TimeDelta::seconds(30);
    assert!(
        store
            .rate_limits()
            .take("192.0.2.1", &quota, then - ms(1))
            .await
            .unwrap()
            .is_err()
    );
    assert_eq!(
        store
            .rate_limits()
            .take("192.0.2.1", &quota, then)
            .await
            .unwrap(),
        Ok(())
    );
    let left = pttl(&mut server.administrator().await, "rate:192.0.2.1").await;
    assert!((1..=60_000).contains(&left));
}

/// LOGIN-8: a quota of no attempts refuses each one without Redis.
#[tokio::test]
async fn an_empty_quota_needs_no_redis() {
    let mut server = Server::start();
    let store = server.store(RedisUser::Gateway);
    server.redis.stop();
    let none = quota(0, TimeDelta::seconds(60));
    assert!(
        store
            .rate_limits()
            .take("192.0.2.1", &none, now())
            .await
            .unwrap()
            .is_err()
    );
}

/// LOGIN-8: the script and the rule decide the same, for any quota and any sequence of attempts.
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
    let gaps = prop::collection::vec(0_i64..2_000, 1..40);
    let key = std::cell::RefCell::new(&mut case);
    runner
        .run(
            &(0_u32..12, 1_i64..20_000, gaps),
            |(burst, period, gaps)| {
                let quota = quota(burst, ms(period));
                **key.borrow_mut() += 1;
                let key = format!("case-{}", key.borrow());
                let (mut tat, mut clock) = (None, now().timestamp_millis());
                for gap in gaps {
                    clock += gap;
                    let at = DateTime::from_timestamp_millis(clock).unwrap();
                    let scripted = runtime
                        .block_on(store.rate_limits().take(&key, &quota, at))
                        .unwrap();
                    let ruled = match quota.take(tat, clock) {
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
