//! Tests of the causes of faults, one test for each cause, on a real server.

use std::time::Duration;

use aikagi_devkit::installation::certificates::Authority;
use aikagi_devkit::ports::free;
use aikagi_devkit::postgres::{Cluster, Options, SUPERUSER};
use aikagi_domain::fault::{Cause, Dependency as _, ErrorType, Fault as _, FaultKind};
use tempfile::TempDir;

use super::{add_line, database, run};
use crate::{Ledger, LedgerError, Planning, Settings, Statement as _};

fn ledger(url: impl Into<String>) -> Ledger {
    with(url, |_| {})
}

/// A ledger with adjusted settings. A statement waits half a second at most for a connection.
fn with(url: impl Into<String>, adjust: impl FnOnce(&mut Settings)) -> Ledger {
    let mut settings = Settings::for_url(url);
    settings.acquire_timeout = chrono::TimeDelta::milliseconds(500);
    adjust(&mut settings);
    Ledger::connect(&settings, Planning::AsNeeded).unwrap()
}

/// A server for one test.
fn cluster(options: Options) -> (TempDir, Cluster) {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(directory.path(), options).unwrap();
    (directory, cluster)
}

async fn found(ledger: &Ledger) -> Cause {
    ledger.check().await.unwrap_err().cause()
}

/// Runs a statement that needs a connection from the pool.
async fn one(ledger: &Ledger) -> Result<i32, LedgerError> {
    sqlx::query_scalar("SELECT 1")
        .fetch_one(ledger)
        .statement("one", "none")
        .await
}

/// While the server is stopped, the cause is `connect`, even if a statement waited too long for a connection. After a
/// restart the ledger works again.
#[tokio::test]
async fn a_stopped_server() {
    let (_directory, mut cluster) = cluster(Options {
        port: Some(free().unwrap()),
        ..Options::default()
    });
    let ledger = ledger(cluster.url("postgres", SUPERUSER));
    ledger.check().await.unwrap();
    let endpoint = ledger.endpoint();
    assert_eq!(endpoint.address, "127.0.0.1");
    assert!(endpoint.port.is_some());
    cluster.stop();
    // The server may say on the existing connection why it stops.
    let first_found = found(&ledger).await.error_type;
    assert!(matches!(
        first_found,
        ErrorType::Shutdown | ErrorType::Connect
    ));
    assert_eq!(found(&ledger).await, ErrorType::Connect.into());
    let refused = one(&ledger).await.unwrap_err();
    assert_eq!(refused.to_string(), "postgresql: connect");
    assert_eq!(refused.kind(), FaultKind::Unavailable);
    cluster.restart().unwrap();
    ledger.check().await.unwrap();
    assert_eq!(one(&ledger).await, Ok(1));
}

/// A socket that does not exist has the cause `connect`. Its path is the endpoint.
#[tokio::test]
async fn a_socket_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    let ledger = ledger(format!(
        "postgres://aikagi_units@localhost/none?host={path}"
    ));
    assert_eq!(found(&ledger).await, ErrorType::Connect.into());
    assert_eq!(
        (ledger.endpoint().address, ledger.endpoint().port),
        (path, None)
    );
}

#[tokio::test]
async fn a_wrong_password() {
    let port = free().unwrap();
    let (_directory, cluster) = cluster(Options {
        port: Some(port),
        passwords: true,
        ..Options::default()
    });
    cluster
        .run_statement("postgres", "CREATE ROLE someone LOGIN PASSWORD 'right'")
        .unwrap();
    let url = |password: &str| format!("postgres://someone:{password}@127.0.0.1:{port}/postgres");
    ledger(url("right")).check().await.unwrap();
    let expected = Cause::with_code(ErrorType::Login, "28P01");
    assert_eq!(found(&ledger(url("wrong"))).await, expected);
}

#[tokio::test]
async fn a_missing_database() {
    let (database, _pool) = database().await;
    let url = database.url_as("aikagi_units");
    let ledger = ledger(url.replace(database.name(), "no_such_database"));
    let expected = Cause::with_code(ErrorType::NoDatabase, "3D000");
    assert_eq!(found(&ledger).await, expected);
}

/// A pool whose connections are all in use has the cause `pool_timeout`. The server itself has free connections.
#[tokio::test]
async fn a_full_pool() {
    let (database, _pool) = database().await;
    let url = database.url_as("aikagi_units");
    let ledger = with(url, |settings| settings.max_connections = 1);
    let held = ledger.acquire().await.unwrap();
    let refused = one(&ledger).await.unwrap_err();
    assert_eq!(refused.cause(), ErrorType::PoolTimeout.into());
    assert_eq!(refused.operation(), "one");
    assert_eq!(found(&ledger).await, ErrorType::PoolTimeout.into());
    drop(held);
    ledger.check().await.unwrap();
}

/// A server without a free connection has a different cause than a full pool.
#[tokio::test]
async fn a_server_without_a_free_connection() {
    let (database, pool) = database().await;
    let limit = format!("ALTER DATABASE {} CONNECTION LIMIT 0", database.name());
    run(&pool, limit).await;
    let ledger = ledger(database.url_as("aikagi_units"));
    let expected = Cause::with_code(ErrorType::TooManyConnections, "53300");
    assert_eq!(found(&ledger).await, expected);
    assert_eq!(one(&ledger).await.unwrap_err().cause(), expected);
}

/// A standby responds, but accepts no changes.
#[tokio::test]
async fn a_read_only_server() {
    let (database, pool) = database().await;
    let set = |value: &str| {
        let name = database.name();
        format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}")
    };
    run(&pool, set("on")).await;
    let units = ledger(database.url_as("aikagi_units"));
    assert_eq!(found(&units).await, ErrorType::ReadOnly.into());
    let refused = sqlx::query("UPDATE lines SET unit = NULL")
        .execute(&units)
        .statement("reset", "lines")
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "postgresql: read_only");
    run(&pool, set("off")).await;
    units.check().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_takes_too_long() {
    let (database, _pool) = database().await;
    let ledger = ledger(database.url_as("aikagi_units"));
    let mut transaction = ledger.begin().await.unwrap();
    sqlx::raw_sql("SET LOCAL statement_timeout = '50ms'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let late = sqlx::query("SELECT pg_sleep(10)")
        .execute(&mut *transaction)
        .statement("sleep", "none")
        .await
        .unwrap_err();
    assert_eq!(late.to_string(), "postgresql: statement_timeout (57014)");
    assert_eq!(late.operation(), "sleep");
}

#[tokio::test]
async fn a_connection_that_the_server_ends() {
    let (database, _pool) = database().await;
    let ledger = ledger(database.url_as("aikagi_units"));
    let ended = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())")
        .execute(&ledger)
        .statement("terminate", "none")
        .await
        .unwrap_err();
    assert_eq!(
        ended.cause(),
        Cause::with_code(ErrorType::Shutdown, "57P01")
    );
}

/// A statement that the server refuses is a fault of ours. The error contains names of the schema, and no value.
#[tokio::test]
async fn a_refused_statement() {
    let (database, pool) = database().await;
    add_line(&pool, &["0312345678"]).await;
    let ledger = ledger(database.url_as("aikagi_units"));
    let transaction = ledger.begin().await.unwrap();
    transaction.commit().await.unwrap();
    let refused = sqlx::query("INSERT INTO numbers VALUES ('0312345678', 1, true)")
        .execute(&ledger)
        .statement("insert_numbers", "numbers")
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Internal);
    assert_eq!(refused.to_string(), "postgresql: statement (23505)");
    let names = refused.refused_by().unwrap();
    assert_eq!(names.table.as_deref(), Some("numbers"));
    assert_eq!(names.constraint.as_deref(), Some("numbers_pkey"));
    assert!(!format!("{refused:?}").contains("0312345678"));
}

/// A certificate of another authority and a server without TLS both have the cause `tls`.
#[tokio::test]
async fn a_foreign_certificate() {
    let port = free().unwrap();
    let (directory, cluster) = cluster(Options {
        port: Some(port),
        ..Options::default()
    });
    let tls = |authorities: &std::path::Path| {
        let path = authorities.display();
        ledger(format!(
            "postgres://{SUPERUSER}@localhost:{port}/postgres?sslmode=verify-full&sslrootcert={path}"
        ))
    };
    let ours = Authority::open(&directory.path().join("ours")).unwrap();
    let identity = ours.issue("postgres", &["localhost"]).unwrap();
    assert_eq!(
        found(&tls(&identity.authorities)).await,
        ErrorType::Tls.into()
    );

    // The server's own user writes the files, because the server accepts no key file of another user.
    for (from, to) in [
        (&identity.certificate, "server.crt"),
        (&identity.key, "server.key"),
    ] {
        let text = std::fs::read_to_string(from).unwrap();
        let lines = text.trim_end().replace('\n', "' || chr(10) || '");
        cluster
            .run_statement(
                "postgres",
                &format!("COPY (SELECT unnest(string_to_array('{lines}', chr(10)))) TO PROGRAM 'umask 077; cat > {to}'"),
            )
            .unwrap();
    }
    cluster
        .run_statement("postgres", "ALTER SYSTEM SET ssl = on")
        .unwrap();
    cluster
        .run_statement("postgres", "SELECT pg_reload_conf()")
        .unwrap();
    let trusted = tls(&identity.authorities);
    let limit = tokio::time::Instant::now() + Duration::from_secs(10);
    while trusted.check().await.is_err() {
        assert!(tokio::time::Instant::now() < limit, "the server has no TLS");
    }
    let foreign = Authority::open(&directory.path().join("foreign")).unwrap();
    let foreign = foreign.issue("postgres", &["localhost"]).unwrap();
    assert_eq!(
        found(&tls(&foreign.authorities)).await,
        ErrorType::Tls.into()
    );
}
