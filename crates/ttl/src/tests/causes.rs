//! Tests of the causes of faults, one test for each cause, on a real server. Other modules test a stopped server, a
//! server that hangs, and malformed values.

use std::time::{Duration, Instant};

use aikagi_devkit::installation::certificates::Authority;
use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_devkit::ports::free;
use aikagi_domain::fault::{Cause, Dependency as _, ErrorType, Fault as _};
use aikagi_domain::limit::Quota;
use aikagi_fixtures::redis_password;
use chrono::TimeDelta;

use super::layouts::Node;
use super::{Server, now};
use crate::{Settings, TtlError, TtlStore};

const PATIENCE: Duration = Duration::from_secs(30);

fn store(url: String) -> TtlStore {
    TtlStore::connect(&Settings::new(url)).unwrap()
}

/// Waits until the server has started. Returns a store that logs in as the gateway's user.
async fn gateway(node: &Node) -> TtlStore {
    node.ask(&["PING"]).await;
    let (user, password) = (RedisUser::Gateway, redis_password(RedisUser::Gateway));
    store(format!(
        "redis://{}:{password}@127.0.0.1:{}",
        user.name(),
        node.port
    ))
}

async fn found(store: &TtlStore) -> Cause {
    store.check().await.unwrap_err().cause()
}

/// Makes a change: counts an attempt of an address.
async fn write(store: &TtlStore) -> Result<(), TtlError> {
    let quota = Quota {
        burst: 1000,
        period: TimeDelta::seconds(1),
    };
    let taken = store
        .rate_limits()
        .take("192.0.2.1", &quota, 1, now())
        .await;
    taken.map(drop)
}

#[tokio::test]
async fn a_healthy_server() {
    let node = Node::start("", false);
    let store = gateway(&node).await;
    store.check().await.unwrap();
    write(&store).await.unwrap();
    let endpoint = store.endpoint();
    let address = (endpoint.address.as_str(), endpoint.port);
    assert_eq!(address, ("127.0.0.1", Some(node.port)));
}

#[tokio::test]
async fn a_wrong_password() {
    let server = Server::start();
    let url = server.url(RedisUser::Gateway);
    let right = redis_password(RedisUser::Gateway);
    let wrong = store(url.replace(&right, "the-password-of-nobody"));
    assert_eq!(found(&wrong).await.error_type, ErrorType::Login);
    assert!(!format!("{:?}", wrong.check().await).contains("password"));
}

/// A user without the right to run a command.
#[tokio::test]
async fn a_missing_permission() {
    let node = Node::start("", false);
    let gateway = gateway(&node).await;
    gateway.check().await.unwrap();
    node.ask(&["ACL", "SETUSER", "gateway", "-ping"]).await;
    let expected = Cause::with_code(ErrorType::NoPermission, "NOPERM");
    assert_eq!(found(&gateway).await, expected);
    node.ask(&["ACL", "SETUSER", "gateway", "+ping", "resetkeys"])
        .await;
    gateway.check().await.unwrap();
    let refused = write(&gateway).await.unwrap_err();
    assert_eq!(refused.cause().error_type, ErrorType::NoPermission);
    assert_eq!(refused.operation(), "EVALSHA");
}

/// A replica responds, but accepts no changes.
#[tokio::test]
async fn a_replica() {
    let (master, node) = (Node::start("", false), Node::start("", false));
    let gateway = gateway(&node).await;
    gateway.check().await.unwrap();
    let port = master.port.to_string();
    node.ask(&["REPLICAOF", "127.0.0.1", &port]).await;
    assert_eq!(found(&gateway).await, ErrorType::ReadOnly.into());
    let refused = write(&gateway).await.unwrap_err();
    assert_eq!(refused.cause().error_type, ErrorType::ReadOnly);
    node.ask(&["REPLICAOF", "NO", "ONE"]).await;
    gateway.check().await.unwrap();
}

#[tokio::test]
async fn no_memory_left() {
    let node = Node::start("maxmemory 1\nmaxmemory-policy noeviction\n", false);
    let gateway = gateway(&node).await;
    gateway.check().await.unwrap();
    let refused = write(&gateway).await.unwrap_err();
    let expected = Cause::with_code(ErrorType::OutOfMemory, "OOM");
    assert_eq!(refused.cause(), expected);
}

/// Redis cannot write a copy of its data to the disk, here because the directory was removed.
#[tokio::test]
async fn a_disk_that_cannot_be_written() {
    let node = Node::start("save 3600 1\n", false);
    let gateway = gateway(&node).await;
    write(&gateway).await.unwrap();
    node.ask(&["CONFIG", "SET", "save", "3600 1"]).await;
    std::fs::remove_dir_all(node.directory()).unwrap();
    node.ask(&["BGSAVE"]).await;
    let limit = Instant::now() + PATIENCE;
    let refused = loop {
        if let Err(refused) = write(&gateway).await {
            break refused;
        }
        assert!(Instant::now() < limit, "Redis still accepts changes");
    };
    let expected = Cause::with_code(ErrorType::Disk, "MISCONF");
    assert_eq!(refused.cause(), expected);
}

/// A node of a Cluster that has no slots.
#[tokio::test]
async fn a_cluster_without_owners() {
    let node = Node::start("cluster-enabled yes\n", false);
    let refused = write(&gateway(&node).await).await.unwrap_err();
    let expected = Cause::with_code(ErrorType::ClusterDown, "CLUSTERDOWN");
    assert_eq!(refused.cause(), expected);
}

/// Too few replicas to make a change durable.
#[tokio::test]
async fn too_few_replicas() {
    let node = Node::start("min-replicas-to-write 1\n", false);
    let refused = write(&gateway(&node).await).await.unwrap_err();
    let expected = Cause::with_code(ErrorType::NotDurable, "NOREPLICAS");
    assert_eq!(refused.cause(), expected);
}

/// A server that still loads its data after a start.
#[tokio::test]
async fn a_server_that_loads() {
    let mut node = Node::start("", false);
    // With a delay for each key, loading this many keys takes long enough for the test to see it.
    let fill = "for i = 1, 2000 do redis.call('SET', 'rate:' .. i, string.rep('x', 1000)) end";
    node.ask(&["EVAL", fill, "0"]).await;
    node.ask(&["SAVE"]).await;
    node.restart("key-load-delay 2000\nloading-process-events-interval-bytes 1024\n");
    let gateway = gateway(&node).await;
    let limit = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    while !seen.contains(&ErrorType::Loading) {
        if let Err(refused) = gateway.check().await {
            seen.push(refused.cause().error_type);
        }
        assert!(Instant::now() < limit, "never `loading`, but {seen:?}");
    }
    while gateway.check().await.is_err() {
        assert!(Instant::now() < limit, "the server still loads its data");
    }
}

/// A certificate of an authority that this machine does not trust.
#[tokio::test]
async fn a_foreign_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::open(directory.path()).unwrap();
    let identity = authority.issue("redis", &["localhost"]).unwrap();
    let port = free().unwrap();
    let node = Node::start(
        &format!(
            "tls-port {port}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-auth-clients no\n",
            identity.certificate.display(),
            identity.key.display(),
            identity.authorities.display(),
        ),
        false,
    );
    node.ask(&["PING"]).await;
    let store = store(format!("rediss://gateway@127.0.0.1:{port}"));
    assert_eq!(found(&store).await, ErrorType::Tls.into());
}
