//! The causes of outages of PostgreSQL.

use std::path::Path;

use aikagi_devkit::installation::certificates::{Authority, Identity};
use aikagi_devkit::ports::free;
use aikagi_devkit::postgres::{Cluster, Options, SUPERUSER};
use aikagi_domain::fault::ErrorType;
use aikagi_ledger::{Ledger, Planning, Settings};
use tempfile::TempDir;

use super::Outage;

const ROLE: &str = "somebody";
const DATABASE: &str = "theirs";
const PASSWORD: &str = "Kanaria7Xq";
const OTHER_PASSWORD: &str = "Uguisu42Wz";

/// A server that asks for passwords, with a role and its database.
struct Server {
    cluster: Cluster,
    port: u16,
    directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let (directory, port) = (tempfile::tempdir().unwrap(), free().unwrap());
        let options = Options {
            port: Some(port),
            passwords: true,
            ..Options::default()
        };
        let cluster = Cluster::start(&directory.path().join("postgres"), options).unwrap();
        let server = Self {
            cluster,
            port,
            directory,
        };
        server.run(&format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'"));
        server.run(&format!("CREATE DATABASE {DATABASE} OWNER {ROLE}"));
        server
    }

    fn run(&self, statement: &str) {
        self.cluster.run_statement("postgres", statement).unwrap();
    }

    /// Changes the database or the role, and closes the connections, because the change applies
    /// only to new ones.
    fn change(&self, statement: &str) {
        self.run(statement);
        self.run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'"
        ));
    }

    fn url(&self) -> String {
        let port = self.port;
        format!("postgres://{ROLE}:{PASSWORD}@localhost:{port}/{DATABASE}")
    }

    fn ledger(&self) -> Ledger {
        ledger(self.url())
    }
}

fn ledger(url: String) -> Ledger {
    let mut settings = Settings::for_url(url);
    settings.max_connections = 1;
    Ledger::connect(&settings, Planning::AsNeeded).unwrap()
}

/// Breaks the server with one statement, and repairs it with another.
async fn broken_by(breaks: &str, mends: &str, expected: ErrorType) {
    let server = Server::start();
    let outage = Outage::of(server.ledger()).await;
    server.change(breaks);
    let line = outage.begins(expected).await;
    let place = (line.field("server.address"), line.field("server.port"));
    assert_eq!(place, ("localhost", server.port.to_string().as_str()));
    server.change(mends);
    outage
        .ends(expected, &[PASSWORD, OTHER_PASSWORD, ROLE])
        .await;
}

#[tokio::test]
async fn a_stopped_server() {
    let mut server = Server::start();
    let outage = Outage::of(server.ledger()).await;
    server.cluster.stop();
    outage.begins(ErrorType::Connect).await;
    server.cluster.restart().unwrap();
    outage.ends(ErrorType::Connect, &[PASSWORD, ROLE]).await;
}

#[tokio::test]
async fn a_wrong_password() {
    broken_by(
        &format!("ALTER ROLE {ROLE} PASSWORD '{OTHER_PASSWORD}'"),
        &format!("ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'"),
        ErrorType::Login,
    )
    .await;
}

#[tokio::test]
async fn a_full_pool() {
    let server = Server::start();
    let ledger = server.ledger();
    let outage = Outage::of(ledger.clone()).await;
    let held = ledger.acquire().await.unwrap();
    outage.begins(ErrorType::PoolTimeout).await;
    drop(held);
    outage.ends(ErrorType::PoolTimeout, &[PASSWORD, ROLE]).await;
}

#[tokio::test]
async fn a_server_without_a_free_connection() {
    broken_by(
        &format!("ALTER DATABASE {DATABASE} CONNECTION LIMIT 0"),
        &format!("ALTER DATABASE {DATABASE} CONNECTION LIMIT -1"),
        ErrorType::TooManyConnections,
    )
    .await;
}

#[tokio::test]
async fn a_read_only_server() {
    broken_by(
        &format!("ALTER DATABASE {DATABASE} SET default_transaction_read_only = on"),
        &format!("ALTER DATABASE {DATABASE} RESET default_transaction_read_only"),
        ErrorType::ReadOnly,
    )
    .await;
}

/// INV-4: a server that may lose acknowledged changes is not used.
#[tokio::test]
async fn a_server_that_is_not_durable() {
    broken_by(
        &format!("ALTER DATABASE {DATABASE} SET synchronous_commit = off"),
        &format!("ALTER DATABASE {DATABASE} RESET synchronous_commit"),
        ErrorType::NotDurable,
    )
    .await;
}

/// INV-4: the check also covers connections that were opened before the change.
#[tokio::test]
async fn a_server_that_is_no_longer_durable() {
    let server = Server::start();
    let outage = Outage::of(server.ledger()).await;
    let reload = |value: &str| {
        server.run(&format!("ALTER SYSTEM SET synchronous_commit = {value}"));
        server.run("SELECT pg_reload_conf()");
    };
    reload("off");
    outage.begins(ErrorType::NotDurable).await;
    reload("on");
    outage.ends(ErrorType::NotDurable, &[PASSWORD, ROLE]).await;
}

#[tokio::test]
async fn a_missing_database() {
    let server = Server::start();
    let outage = Outage::of(server.ledger()).await;
    // PostgreSQL renames a database only if it has no connections.
    server.change(&format!("ALTER ROLE {ROLE} NOLOGIN"));
    server.run(&format!("ALTER DATABASE {DATABASE} RENAME TO away"));
    server.run(&format!("ALTER ROLE {ROLE} LOGIN"));
    outage.begins(ErrorType::NoDatabase).await;
    server.run(&format!("ALTER DATABASE away RENAME TO {DATABASE}"));
    outage.ends(ErrorType::NoDatabase, &[PASSWORD, ROLE]).await;
}

/// Puts a certificate and its key into the server's directory. The server's user writes both,
/// because the server accepts only a key that this user owns.
fn present(server: &Server, identity: &Identity) {
    for (from, to) in [
        (&identity.certificate, "server.crt"),
        (&identity.key, "server.key"),
    ] {
        let text = std::fs::read_to_string(from).unwrap();
        let lines = text.trim_end().replace('\n', "' || chr(10) || '");
        let program = format!("umask 077; cat > {to}");
        server.run(&format!(
            "COPY (SELECT unnest(string_to_array('{lines}', chr(10)))) TO PROGRAM '{program}'"
        ));
    }
    server.run("ALTER SYSTEM SET ssl = on");
    server.change("SELECT pg_reload_conf()");
}

#[tokio::test]
async fn a_foreign_certificate() {
    let server = Server::start();
    let authority = |name: &str| Authority::open(&server.directory.path().join(name)).unwrap();
    let issue = |authority: &Authority| authority.issue("postgres", &["localhost"]).unwrap();
    let (ours, foreign) = (issue(&authority("ours")), issue(&authority("foreign")));
    present(&server, &ours);
    let trusted: &Path = &ours.authorities;
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={}",
        server.url(),
        trusted.display()
    );
    // The server loads the certificate some time after the reload command.
    let ledger = ledger(url);
    while ledger.acquire().await.is_err() {}
    let outage = Outage::of(ledger).await;
    present(&server, &foreign);
    outage.begins(ErrorType::Tls).await;
    present(&server, &ours);
    outage.ends(ErrorType::Tls, &[PASSWORD, ROLE]).await;
}

/// The URL of the cluster for its superuser.
pub(super) fn superuser(cluster: &Cluster) -> String {
    cluster.socket_url("postgres", SUPERUSER)
}
