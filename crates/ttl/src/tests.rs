//! Tests on a private Redis, logged in as the users of the services.

mod acl;
mod calls;
mod causes;
mod layouts;
mod outages;
mod rate_limits;
mod sessions;
mod temporary_passwords;

use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_fixtures::TestRedis;
use chrono::{DateTime, TimeDelta, Utc};
use redis::aio::MultiplexedConnection;

use crate::{Settings, TtlStore};

/// A private server with the real users. Drop stops it.
struct Server {
    redis: TestRedis,
}

impl Server {
    fn start() -> Self {
        Self {
            redis: TestRedis::start().unwrap(),
        }
    }

    fn url(&self, user: RedisUser) -> String {
        self.redis.url(user)
    }

    fn store(&self, user: RedisUser) -> TtlStore {
        TtlStore::connect(&Settings::new(self.url(user))).unwrap()
    }

    async fn raw(&self, url: String) -> MultiplexedConnection {
        let client = redis::Client::open(url).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    async fn administrator(&self) -> MultiplexedConnection {
        self.raw(self.redis.administrator_url()).await
    }
}

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

/// The time at which every test starts.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000).unwrap()
}

fn ms(milliseconds: i64) -> TimeDelta {
    TimeDelta::milliseconds(milliseconds)
}

async fn pttl(connection: &mut MultiplexedConnection, key: &str) -> i64 {
    redis::cmd("PTTL")
        .arg(key)
        .query_async(connection)
        .await
        .unwrap()
}
