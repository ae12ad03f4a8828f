//! Causes that make operations fail although the check of the dependency still succeeds.

use aikagi_client::samples::{CONTRACT, PERMANENT};
use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_devkit::postgres::{Cluster, Options};
use aikagi_domain::fault::{Dependency as _, ErrorType};
use aikagi_domain::limit::Quota;
use aikagi_e2e::in_process::InProcessSystem;
use aikagi_fixtures::{LogLine, LogLines, TestDatabase, TestRedis};
use aikagi_ledger::{Ledger, LedgerError, Planning, Settings, Statement as _};
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use aikagi_ttl::TtlStore;
use chrono::{DateTime, TimeDelta};
use tracing::Level;

use crate::faults::disk::Disk;

/// Turns these faults into refusals of RPCs. Checks that the failed operation is logged once, as a
/// warning, and returns the log line.
fn logged_once(
    lines: &LogLines,
    faults: impl IntoIterator<Item = Failure>,
    operation: &str,
) -> LogLine {
    for fault in faults {
        assert_eq!(Refusal::from(fault).reason(), ErrorReason::Unavailable);
    }
    let mut found = lines.of("operation failed");
    found.retain(|line| line.field("operation") == operation);
    let [line] = &found[..] else {
        panic!("{:#?}", lines.all());
    };
    assert_eq!(line.level, Level::WARN);
    line.clone()
}

fn ledger(database: &TestDatabase) -> Ledger {
    let settings = Settings::for_url(database.url_as("aikagi_units"));
    Ledger::connect(&settings, Planning::AsNeeded).unwrap()
}

async fn sleep(ledger: &Ledger) -> LedgerError {
    let mut transaction = ledger.begin().await.unwrap();
    sqlx::raw_sql("SET LOCAL statement_timeout = '50ms'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let late = sqlx::query("SELECT pg_sleep(10)")
        .execute(&mut *transaction)
        .statement("sleep", "none");
    late.await.unwrap_err()
}

#[tokio::test]
async fn a_statement_that_takes_too_long() {
    let database = TestDatabase::new().await.unwrap();
    let ledger = ledger(&database);
    ledger.check().await.unwrap();
    let lines = LogLines::record();
    let mut faults = Vec::new();
    for _ in 0..3 {
        faults.push(sleep(&ledger).await.into());
    }
    let line = logged_once(&lines, faults, "sleep");
    assert_eq!(line.field("dependency"), "postgresql");
    assert_eq!(line.field("error.type"), "statement_timeout");
    assert_eq!(line.field("db.response.status_code"), "57014");
}

/// A full disk: PostgreSQL responds, but it cannot store a row.
#[tokio::test]
async fn a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::at(&directory.path().join("disk")) else {
        return;
    };
    let home = directory.path().join("disk").join("postgres");
    let cluster = Cluster::start(&home, Options::default()).unwrap();
    cluster
        .run_statement("postgres", "CREATE TABLE kept (text text)")
        .unwrap();
    let settings = Settings::for_url(super::postgresql::superuser(&cluster));
    let ledger = Ledger::connect(&settings, Planning::AsNeeded).unwrap();
    ledger.check().await.unwrap();
    let lines = LogLines::record();
    disk.fill();
    let full =
        sqlx::query("INSERT INTO kept SELECT repeat('x', 1000) FROM generate_series(1, 2000)")
            .execute(&ledger)
            .statement("fill", "kept")
            .await
            .unwrap_err();
    let line = logged_once(&lines, [full.into()], "fill");
    assert_eq!(line.field("error.type"), "disk");
    disk.empty();
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn a_redis_without_memory() {
    let server = TestRedis::start().unwrap();
    let settings = aikagi_ttl::Settings::new(server.url(RedisUser::Gateway));
    let store = TtlStore::connect(&settings).unwrap();
    let client = redis::Client::open(server.administrator_url()).unwrap();
    let mut administrator = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "1"])
        .query_async::<()>(&mut administrator)
        .await
        .unwrap();
    store.check().await.unwrap();
    let quota = Quota {
        burst: 1000,
        period: TimeDelta::seconds(1),
    };
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let lines = LogLines::record();
    let mut faults = Vec::new();
    for _ in 0..3 {
        let taken = store.rate_limits().take("192.0.2.1", &quota, 1, now).await;
        faults.push(taken.unwrap_err().into());
    }
    let line = logged_once(&lines, faults, "EVALSHA");
    assert_eq!(line.field("dependency"), "redis");
    assert_eq!(line.field("error.type"), "out_of_memory");
}

/// OPS-3: if an outage ends many RPCs, each service logs one line for each cause. If PostgreSQL
/// refuses a statement, the service logs an error with names of the schema and without values.
#[tokio::test]
async fn the_services_log_what_ended_their_rpcs() {
    let lines = LogLines::record();
    let mut system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let refuse =
        "ALTER TABLE audit_events ADD CONSTRAINT no_logins CHECK (action <> 'LOGIN') NOT VALID";
    sqlx::query(refuse)
        .execute(&system.ledger().await)
        .await
        .unwrap();
    system.site().login(CONTRACT, PERMANENT).await.unwrap_err();
    let error = lines.wait_for("internal error", |_| true).await;
    assert_eq!(error.level, Level::ERROR);
    let fields = ["dependency", "error.type", "operation", "constraint"];
    let logged = fields.map(|field| error.field(field));
    let expected = ["postgresql", "statement", "settle_login", "no_logins"];
    assert_eq!(logged, expected);

    system.redis.kill9();
    for _ in 0..5 {
        system.site().login(CONTRACT, PERMANENT).await.unwrap_err();
    }
    let failed = lines.of("operation failed");
    let of_limits = failed
        .iter()
        .filter(|line| line.field("operation") == "EVALSHA");
    let mut causes: Vec<&str> = of_limits.map(|line| line.field("error.type")).collect();
    let all = causes.len();
    causes.sort_unstable();
    causes.dedup();
    assert_eq!(causes.len(), all, "{failed:#?}");
    assert!(causes.contains(&ErrorType::Connect.as_str()), "{failed:#?}");
    let text = format!("{:?}", lines.all());
    for secret in [CONTRACT, PERMANENT] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}
