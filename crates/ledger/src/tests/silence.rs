//! Tests of a server that stays silent, ends connections, or is no longer the primary. Only the statements that run at
//! that moment may fail.

use std::time::Duration;

use aikagi_devkit::ports::free;
use aikagi_domain::fault::{Cause, Dependency as _, ErrorType, Fault as _};
use aikagi_fixtures::TestDatabase;
use chrono::TimeDelta;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{database, ledger_as, run};
use crate::{Ledger, LedgerError, Planning, Settings, Statement as _};

/// A ledger that waits a short time for each response, with a pool of this size.
fn impatient(database: &TestDatabase, max_connections: u32) -> Ledger {
    let mut settings = Settings::for_url(database.url_as("aikagi_units"));
    settings.statement_timeout = TimeDelta::milliseconds(100);
    settings.max_connections = max_connections;
    Ledger::connect(&settings, Planning::AsNeeded).unwrap()
}

/// Stops the server process of one connection until this is dropped. The kernel still acknowledges data, but no
/// response comes.
struct Silenced(Pid);

impl Silenced {
    fn new(pid: i32) -> Self {
        let pid = Pid::from_raw(pid);
        kill(pid, Signal::SIGSTOP).unwrap();
        Self(pid)
    }
}

impl Drop for Silenced {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

async fn pid(ledger: &Ledger) -> Result<i32, LedgerError> {
    sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(ledger)
        .statement("pid", "none")
        .await
}

/// INV-11: a statement on a silent connection fails, the connection is closed, and the next statement gets another one.
/// Otherwise the pool, which has only one connection, would stay empty.
#[tokio::test]
async fn a_silent_connection_is_closed() {
    let (database, _pool) = database().await;
    let ledger = impatient(&database, 1);
    let silenced = Silenced::new(pid(&ledger).await.unwrap());
    let failed = pid(&ledger).await.unwrap_err();
    assert_eq!(failed.cause(), ErrorType::Timeout.into());
    let other = pid(&ledger).await.unwrap();
    assert_ne!(Pid::from_raw(other), silenced.0);
    ledger.check().await.unwrap();
}

/// INV-11: a silent connection is also closed during a transaction: at a statement, at the commit, and at the
/// rollback after a drop.
#[tokio::test]
async fn a_transaction_on_a_silent_connection_ends() {
    let (database, _pool) = database().await;
    let ledger = impatient(&database, 16);
    for end in ["statement", "commit", "drop"] {
        let mut transaction = ledger.begin().await.unwrap();
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        let _silenced = Silenced::new(pid);
        let failed = match end {
            "statement" => sqlx::query("SELECT 1")
                .execute(&mut *transaction)
                .statement("one", "none")
                .await
                .err(),
            "commit" => transaction.commit().await.err(),
            _ => None,
        };
        if let Some(failed) = failed {
            assert_eq!(failed.cause(), ErrorType::Timeout.into());
        }
        for _ in 0..20 {
            assert_ne!(self::pid(&ledger).await.unwrap(), pid);
        }
    }
}

/// If the caller of a statement gives up, the connection is closed. Other callers do not wait for it.
#[tokio::test]
async fn a_statement_that_was_given_up_closes_its_connection() {
    let (database, _pool) = database().await;
    let ledger = ledger_as(&database, "aikagi_units");
    let given_up = tokio::time::timeout(
        Duration::from_millis(100),
        sqlx::query("SELECT pg_sleep(60)").execute(&ledger),
    );
    given_up.await.unwrap_err();
    assert_eq!(ledger.pool.status().size, 0);
    pid(&ledger).await.unwrap();
}

/// After the server has ended all connections, at most one statement fails. The others use new connections.
#[tokio::test]
async fn ended_connections_cost_one_statement() {
    let (database, pool) = database().await;
    let ledger = ledger_as(&database, "aikagi_units");
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(ledger.acquire().await.unwrap());
    }
    drop(held);
    assert_eq!(ledger.pool.status().available, 8);
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'aikagi_units' AND datname = current_database()")
        .execute(&pool)
        .await
        .unwrap();
    let mut failures = 0;
    for _ in 0..16 {
        failures += u32::from(pid(&ledger).await.is_err());
    }
    assert!(failures <= 1, "{failures} failures");
}

/// A connection on which the server accepts no changes is closed. It is not used again, even after the server accepts
/// changes again.
#[tokio::test]
async fn a_connection_to_a_demoted_primary_is_closed() {
    let (database, pool) = database().await;
    let ledger = ledger_as(&database, "aikagi_units");
    let set = |value: &str| {
        let name = database.name();
        format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}")
    };
    let change = async || {
        sqlx::query("UPDATE lines SET unit = NULL")
            .execute(&ledger)
            .statement("reset", "lines")
            .await
    };
    change().await.unwrap();
    // The connection becomes read-only, as when the primary is demoted without a restart.
    sqlx::raw_sql("SET default_transaction_read_only = on")
        .execute(&ledger)
        .await
        .unwrap();
    run(&pool, set("on")).await;
    let refused = change().await.unwrap_err();
    assert_eq!(refused.to_string(), "postgresql: read_only (25006)");
    assert_eq!(
        ledger.check().await.unwrap_err().cause(),
        ErrorType::ReadOnly.into()
    );
    run(&pool, set("off")).await;
    for _ in 0..20 {
        change().await.unwrap();
    }
}

/// The first server that accepts durable changes is used.
#[tokio::test]
async fn the_primary_is_found_among_the_hosts() {
    let (database, _pool) = database().await;
    let mut settings = Settings::for_url(database.url_as("aikagi_units"));
    let options: sqlx::postgres::PgConnectOptions = settings.url.parse().unwrap();
    let (host, port) = (options.get_host(), options.get_port());
    settings.hosts = vec![
        format!("127.0.0.1:{}", free().unwrap()),
        format!("{host}:{port}"),
    ];
    let ledger = Ledger::connect(&settings, Planning::AsNeeded).unwrap();
    ledger.check().await.unwrap();
    for host in ["", ":5432", "db:port", "db:70000"] {
        settings.hosts = vec![host.to_owned()];
        Ledger::connect(&settings, Planning::AsNeeded).unwrap_err();
    }
}

/// The cause of an outage is found in the time of a health check, although several servers are silent.
#[tokio::test]
async fn a_cause_is_found_behind_silent_hosts() {
    let (database, pool) = database().await;
    let name = database.name();
    run(&pool, format!("ALTER DATABASE {name} CONNECTION LIMIT 0")).await;
    let mut settings = Settings::for_url(database.url_as("aikagi_units"));
    let options: sqlx::postgres::PgConnectOptions = settings.url.parse().unwrap();
    // Silent servers: the kernel accepts connections to their ports, but nobody reads from the connections.
    let silent: Vec<_> = (0..4)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let mut hosts: Vec<_> = silent
        .iter()
        .map(|silent| silent.local_addr().unwrap().to_string())
        .collect();
    hosts.push(format!("{}:{}", options.get_host(), options.get_port()));
    settings.hosts = hosts;
    let ledger = Ledger::connect(&settings, Planning::AsNeeded).unwrap();
    let checked = tokio::time::timeout(Duration::from_secs(2), ledger.check()).await;
    let cause = checked.expect("the check ends").unwrap_err().cause();
    assert_eq!(
        cause,
        Cause::with_code(ErrorType::TooManyConnections, "53300")
    );
}

/// A connection that reached its maximum age is not used again.
#[tokio::test]
async fn an_old_connection_is_replaced() {
    let (database, _pool) = database().await;
    let mut settings = Settings::for_url(database.url_as("aikagi_units"));
    settings.max_lifetime = TimeDelta::microseconds(1);
    let ledger = Ledger::connect(&settings, Planning::AsNeeded).unwrap();
    assert_ne!(pid(&ledger).await.unwrap(), pid(&ledger).await.unwrap());
}
