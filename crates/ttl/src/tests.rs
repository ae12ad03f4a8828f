//! Tests against a private Redis, signed in as the services' users.

mod acl;
mod away;
mod call;
mod layouts;
mod rate;
mod sess;
mod temp;

use aikagi_devkit::redis::{Options, Redis};
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, TimeDelta, Utc};
use redis::aio::MultiplexedConnection;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::acl::{User, file};
use crate::{Settings, Store};

/// A server of the test's own with the real users; stopped with this value.
struct Server {
    redis: Redis,
    _directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let users = users();
        Self {
            redis: Redis::start(directory.path(), &users, Options::default()).unwrap(),
            _directory: directory,
        }
    }

    fn url(&self, user: User) -> String {
        self.redis.url(user.name(), &password(user))
    }

    fn store(&self, user: User) -> Store {
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

/// The real users, in the form of an ACL file.
fn users() -> String {
    file(|user| {
        let digest = Sha256::digest(password(user));
        digest
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    })
}

fn password(user: User) -> String {
    format!("the-password-of-{}", user.name())
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
