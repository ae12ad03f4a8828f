//! Tests against a private Redis, signed in as the services' users.

mod acl;
mod away;
mod call;
mod layouts;
mod rate;
mod sess;
mod temp;

use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_fixtures::TestRedis;
use chrono::{DateTime, TimeDelta, Utc};
use redis::aio::MultiplexedConnection;

use crate::{Settings, Store};

/// A server for one test, with the services' users.
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

    fn store(&self, user: RedisUser) -> Store {
        Store::connect(&Settings::new(self.url(user))).unwrap()
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

/// The moment at which every test begins.
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
