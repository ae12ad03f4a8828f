//! Tests of the store's operations behind Sentinel and on a Cluster.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use aikagi_devkit::command::{find, spawn, tied};
use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_devkit::ports::free;
use aikagi_domain::credential::Epoch;
use aikagi_domain::limit::Quota;
use aikagi_domain::session::TokenDigest;
use aikagi_fixtures::{redis_password, redis_users};
use chrono::TimeDelta;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use super::{now, number};
use crate::temporary_passwords::TemporaryRecord;
use crate::{Settings, TtlStore};

const ADMINISTRATOR: &str = "administrator";
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a TCP port. Drop kills it.
pub(super) struct Node {
    pub(super) port: u16,
    child: Child,
    directory: TempDir,
}

impl Node {
    /// Starts a server with the real users, an administrator, and these lines of configuration.
    pub(super) fn start(lines: &str, sentinel: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let mut text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n",
            directory.path().display()
        );
        if !sentinel {
            let administrator = format!("user {ADMINISTRATOR} on >{ADMINISTRATOR} ~* &* +@all\n");
            std::fs::write(path("users.acl"), administrator + &redis_users()).unwrap();
            let _ = writeln!(text, "aclfile {}\nsave \"\"", path("users.acl"));
        }
        std::fs::write(path("redis.conf"), text + lines).unwrap();
        let child = run(Path::new(&path("redis.conf")), sentinel);
        Self {
            port,
            child,
            directory,
        }
    }

    /// The directory of its files.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Kills the server, and starts it again with more lines of configuration.
    pub(super) fn restart(&mut self, lines: &str) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let configuration = self.directory().join("redis.conf");
        let text = std::fs::read_to_string(&configuration).unwrap();
        std::fs::write(&configuration, text + lines).unwrap();
        self.child = run(&configuration, false);
    }

    pub(super) async fn ask(&self, words: &[&str]) -> String {
        let url = format!(
            "redis://{ADMINISTRATOR}:{ADMINISTRATOR}@127.0.0.1:{}",
            self.port
        );
        ask(&url, words).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(configuration: &Path, sentinel: bool) -> Child {
    let mut server = tied(find("redis-server").unwrap(), "TERM");
    server
        .arg(configuration)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if sentinel {
        server.arg("--sentinel");
    }
    spawn(server).unwrap()
}

/// Sends a command as soon as the server accepts connections. Returns the response as text.
async fn ask(url: &str, words: &[&str]) -> String {
    let client = redis::Client::open(url).unwrap();
    let limit = Instant::now() + PATIENCE;
    let mut connection: MultiplexedConnection = loop {
        match client.get_multiplexed_async_connection().await {
            Ok(connection) => break connection,
            Err(error) => assert!(Instant::now() < limit, "{error}"),
        }
    };
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    let response: redis::RedisResult<redis::Value> = command.query_async(&mut connection).await;
    format!("{response:?}")
}

/// A store with a URL of several servers.
fn store(layout: &str, rest: &str, user: RedisUser) -> TtlStore {
    let (name, password) = (user.name(), redis_password(user));
    let url = format!("redis+{layout}://{name}:{password}@{rest}");
    TtlStore::connect(&Settings::new(url)).unwrap()
}

/// Writes a temporary password until that succeeds, and reads it as the other service.
async fn write_and_read(issuance: &TtlStore, authentication: &TtlStore, epoch: i64) {
    let record = TemporaryRecord {
        epoch: Epoch(epoch),
        sealed_hash: b"hash".to_vec(),
        expires: now() + TimeDelta::hours(24),
    };
    let mine = number("0312345678");
    let limit = Instant::now() + PATIENCE;
    while issuance
        .temporary_passwords()
        .put(&mine, &record, now())
        .await
        .is_err()
    {
        assert!(Instant::now() < limit, "no server accepts the password");
    }
    loop {
        match authentication.temporary_passwords().get(&mine).await {
            Ok(found) => break assert_eq!(found, Some(record)),
            Err(error) => assert!(Instant::now() < limit, "{error}"),
        }
    }
}

/// The slots of the three masters.
const SLOTS: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

/// A server of a Cluster.
fn member() -> (Node, u16) {
    // The default bus port is the port plus 10,000, which can be greater than 65,535.
    let bus = free().unwrap();
    let lines = format!(
        "cluster-enabled yes\ncluster-port {bus}\ncluster-node-timeout 1000\n\
         masteruser {ADMINISTRATOR}\nmasterauth {ADMINISTRATOR}\n"
    );
    (Node::start(&lines, false), bus)
}

/// Repeats a command until the response contains this text.
async fn until(node: &Node, words: &[&str], wanted: &str) {
    let limit = Instant::now() + PATIENCE;
    loop {
        let response = node.ask(words).await;
        if response.contains(wanted) {
            return;
        }
        assert!(Instant::now() < limit, "no {wanted} in: {response}");
    }
}

/// INV-3: all operations work on a Cluster, for keys of every master. After the loss of a master its replica takes
/// over.
#[tokio::test]
async fn a_cluster_survives_the_loss_of_a_master() {
    let (first, bus) = member();
    let others = [member().0, member().0, member().0];
    let [second, third, replica] = &others;
    for (node, (from, to)) in [&first, second, third].into_iter().zip(SLOTS) {
        node.ask(&["CLUSTER", "ADDSLOTSRANGE", from, to]).await;
    }
    let (port, bus) = (first.port.to_string(), bus.to_string());
    for node in &others {
        node.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])
            .await;
    }
    for node in [&first, second, third, replica] {
        until(node, &["CLUSTER", "INFO"], "cluster_state:ok").await;
        until(node, &["CLUSTER", "INFO"], "cluster_known_nodes:4").await;
    }
    let name = first.ask(&["CLUSTER", "MYID"]).await;
    let name = name.split('"').nth(1).unwrap();
    replica.ask(&["CLUSTER", "REPLICATE", name]).await;
    until(&first, &["INFO", "replication"], "state=online").await;

    let rest = format!("127.0.0.1:{},127.0.0.1:{}", first.port, second.port);
    let issuance = store("cluster", &rest, RedisUser::Issuance);
    let authentication = store("cluster", &rest, RedisUser::Authentication);
    let gateway = store("cluster", &rest, RedisUser::Gateway);
    write_and_read(&issuance, &authentication, 1).await;
    let quota = Quota {
        burst: 1,
        period: TimeDelta::hours(1),
    };
    let (idle, ends) = (TimeDelta::hours(1), now() + TimeDelta::hours(1));
    // Enough keys that each master stores some.
    for index in 0..16_u8 {
        let account = number(&format!("03123456{index:02}"));
        let digest = TokenDigest([index; 32]);
        let sessions = authentication.sessions();
        sessions
            .put(&digest, &account, b"record", now(), idle, ends)
            .await
            .unwrap();
        assert_eq!(sessions.of(&account).await.unwrap(), [digest]);
        let found = sessions.touch(&digest, now(), idle, false).await.unwrap();
        assert_eq!(found.unwrap().record, b"record");
        let call = format!("a-call-{index}");
        let saved = issuance.calls().save(&call, None, b"dialog", idle).await;
        assert!(saved.unwrap());
        let loaded = issuance.calls().load(&call).await.unwrap();
        assert_eq!(loaded, Some((1, b"dialog".to_vec())));
        let address = format!("192.0.2.{index}");
        let rate_limits = gateway.rate_limits();
        assert_eq!(
            rate_limits.take(&address, &quota, 1, now()).await.unwrap(),
            Ok(())
        );
        assert!(
            rate_limits
                .take(&address, &quota, 1, now())
                .await
                .unwrap()
                .is_err()
        );
    }

    drop(first);
    until(replica, &["ROLE"], "master").await;
    until(second, &["CLUSTER", "INFO"], "cluster_state:ok").await;
    for index in 0..16_u8 {
        let limit = Instant::now() + PATIENCE;
        let sessions = authentication.sessions();
        let digest = TokenDigest([index; 32]);
        while let Err(error) = sessions.touch(&digest, now(), idle, true).await {
            assert!(Instant::now() < limit, "{error}");
        }
    }
    write_and_read(&issuance, &authentication, 2).await;
}

/// INV-3: operations use the master that Sentinel names, also after a failover.
#[tokio::test]
async fn sentinel_names_the_master() {
    let one = Node::start("", false);
    let other = Node::start(
        &format!(
            "replicaof 127.0.0.1 {}\nmasteruser {ADMINISTRATOR}\nmasterauth {ADMINISTRATOR}\n",
            one.port
        ),
        false,
    );
    let limit = Instant::now() + PATIENCE;
    while !one
        .ask(&["INFO", "replication"])
        .await
        .contains("state=online")
    {
        assert!(Instant::now() < limit);
    }
    let sentinel = Node::start(
        &format!(
            "sentinel monitor aikagi 127.0.0.1 {} 1\nsentinel down-after-milliseconds aikagi 500\n\
             sentinel failover-timeout aikagi 2000\n\
             sentinel auth-user aikagi {ADMINISTRATOR}\nsentinel auth-pass aikagi {ADMINISTRATOR}\n",
            one.port
        ),
        true,
    );
    let rest = format!("127.0.0.1:{}/aikagi", sentinel.port);
    let issuance = store("sentinel", &rest, RedisUser::Issuance);
    let authentication = store("sentinel", &rest, RedisUser::Authentication);
    write_and_read(&issuance, &authentication, 1).await;

    let asked = format!("redis://127.0.0.1:{}", sentinel.port);
    let limit = Instant::now() + PATIENCE;
    while !ask(&asked, &["SENTINEL", "REPLICAS", "aikagi"])
        .await
        .contains(&other.port.to_string())
    {
        assert!(Instant::now() < limit);
    }
    drop(one);
    write_and_read(&issuance, &authentication, 2).await;
    assert!(other.ask(&["ROLE"]).await.contains("master"));
}
