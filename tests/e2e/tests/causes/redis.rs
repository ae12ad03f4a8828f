//! The causes of outages of Redis.

use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::fault::ErrorType;
use aikagi_fixtures::{TestRedis, redis_password};
use aikagi_ttl::{Settings, TtlStore};

use super::Outage;

const USER: RedisUser = RedisUser::Gateway;

fn store(server: &TestRedis) -> TtlStore {
    TtlStore::connect(&Settings::new(server.url(USER))).unwrap()
}

/// Runs commands as an administrator.
async fn run(server: &TestRedis, commands: &[&[&str]]) {
    let client = redis::Client::open(server.administrator_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for words in commands {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command
            .query_async::<redis::Value>(&mut connection)
            .await
            .unwrap();
    }
}

/// Breaks the server with commands, and repairs it with others.
async fn broken_by(breaks: &[&[&str]], mends: &[&[&str]], expected: ErrorType) {
    let server = TestRedis::start().unwrap();
    let outage = Outage::of(store(&server)).await;
    run(&server, breaks).await;
    let line = outage.begins(expected).await;
    let socket = server.socket().display().to_string();
    assert_eq!(line.field("server.address"), socket);
    run(&server, mends).await;
    outage
        .ends(expected, &[&redis_password(USER), "another"])
        .await;
}

#[tokio::test]
async fn a_stopped_server() {
    let mut server = TestRedis::start().unwrap();
    let outage = Outage::of(store(&server)).await;
    server.stop();
    outage.begins(ErrorType::Connect).await;
    server.restart().unwrap();
    outage
        .ends(ErrorType::Connect, &[&redis_password(USER)])
        .await;
}

#[tokio::test]
async fn a_frozen_server() {
    let server = TestRedis::start().unwrap();
    let outage = Outage::of(store(&server)).await;
    server.freeze();
    outage.begins(ErrorType::Timeout).await;
    server.thaw();
    outage
        .ends(ErrorType::Timeout, &[&redis_password(USER)])
        .await;
}

#[tokio::test]
async fn a_wrong_password() {
    let right = format!(">{}", redis_password(USER));
    broken_by(
        &[
            &["ACL", "SETUSER", "gateway", "resetpass", ">another"],
            &["CLIENT", "KILL", "USER", "gateway"],
        ],
        &[&["ACL", "SETUSER", "gateway", "resetpass", &right]],
        ErrorType::Login,
    )
    .await;
}

#[tokio::test]
async fn a_missing_permission() {
    broken_by(
        &[&["ACL", "SETUSER", "gateway", "-ping"]],
        &[&["ACL", "SETUSER", "gateway", "+ping"]],
        ErrorType::NoPermission,
    )
    .await;
}

#[tokio::test]
async fn a_replica() {
    // The master does not exist. The replica still serves its own data.
    broken_by(
        &[&["REPLICAOF", "127.0.0.1", "1"]],
        &[&["REPLICAOF", "NO", "ONE"]],
        ErrorType::ReadOnly,
    )
    .await;
}
