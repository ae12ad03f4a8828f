//! Secrets do not appear in output (INV-8). A story runs with unique passwords, tokens and numbers. Then the tests search
//! for them in everything that the system has written.

mod canaries;
mod outages;
mod story;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::system::Database;
use aikagi_devkit::{postgres, process};
use aikagi_e2e::collector::Collector;
use aikagi_e2e::processes::{ProcessSystem, light};
use sqlx::{AssertSqlSafe, PgPool};

use canaries::{Canaries, numbers};
use story::play;

/// The columns that may contain numbers.
const NUMBER_COLUMNS: [(&str, &str); 4] = [
    ("lines", "contract_number"),
    ("numbers", "number"),
    ("credentials", "number"),
    ("audit_events", "number"),
];

/// Checks that no column of any table contains a secret, and that only the columns for numbers
/// contain numbers.
async fn look_into_postgresql(ledger: &PgPool, secrets: &Canaries, numbers: &Canaries) {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        // Without partitions: their rows are also rows of the partitioned table.
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = 'public'
           AND NOT (SELECT relispartition FROM pg_class WHERE oid = table_name::text::regclass)",
    )
    .fetch_all(ledger)
    .await
    .unwrap();
    let mut number_columns = 0;
    let mut values = BTreeMap::new();
    for (table, column, kind) in columns {
        let text = if kind == "bytea" {
            format!("encode({column}, 'escape')")
        } else {
            format!("{column}::text")
        };
        let select = format!("SELECT {text} FROM {table} WHERE {column} IS NOT NULL");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(select))
            .fetch_all(ledger)
            .await
            .unwrap();
        let all = rows.join("\n").into_bytes();
        let place = format!("{table}.{column}");
        secrets.not_in(&all, &place);
        if NUMBER_COLUMNS.contains(&(&table, &column)) {
            number_columns += 1;
            assert!(
                numbers.found(&all).is_some(),
                "{place} is in NUMBER_COLUMNS but has no number"
            );
        } else {
            numbers.not_in(&all, &place);
        }
        values.insert(place, all);
    }
    assert_eq!(number_columns, NUMBER_COLUMNS.len());
    assert!(!values["credentials.permanent_hash"].is_empty());
}

fn look_into_files(dir: &Path, canaries: &Canaries) -> usize {
    let mut size = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read(&path).unwrap();
        canaries.not_in(&text, &path.display().to_string());
        size += text.len();
    }
    size
}

/// INV-8: no password, token or full number appears where it must not. The test searches the logs
/// of services and of stores, the refusals, Redis, and all columns of PostgreSQL. Only the columns
/// for numbers may contain numbers. The services log at all levels, and so do their libraries.
/// OPS-3: the test searches the audit events too.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_story_leaves_no_secret_behind() {
    let environment = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let database = Database::Own(postgres::Options::default());
    let replicas = [(Service::Authentication, 2)];
    let mut system = ProcessSystem::start_with(&replicas, light, database, environment);
    let canaries = play(&system).await;

    let ledger = PgPool::connect(&system.processes.superuser_url().unwrap())
        .await
        .unwrap();
    let numbers = numbers();
    let secrets = canaries.secrets();
    look_into_postgresql(&ledger, &secrets, &numbers).await;
    ledger.close().await;

    system
        .processes
        .processes()
        .for_each(process::Process::ask_to_stop);
    assert!(
        system
            .processes
            .processes()
            .all(|process| process.wait_end(Duration::from_mins(1)))
    );
    let size = look_into_files(&system.processes.logs(), &canaries);
    assert!(
        size > 1_000_000,
        "the logs have only {size} bytes: are all levels logged?"
    );
    for log in [
        system.processes.redis.log(),
        system.processes.cluster.as_ref().unwrap().log(),
    ] {
        canaries.not_in(&std::fs::read(&log).unwrap(), &log.display().to_string());
    }
}

/// INV-8: no password, token or full number is in the spans, metrics and logs that the services
/// send to a collector.
#[tokio::test(flavor = "multi_thread")]
async fn no_span_contains_a_secret() {
    let collector = Collector::start().await;
    let environment = [
        ("RUST_LOG", "aikagi=trace,info"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];
    let environment = environment
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
    let database = Database::Own(postgres::Options::default());
    let mut system = ProcessSystem::start_with(&[], light, database, environment);
    let canaries = play(&system).await;
    // A service sends its remaining telemetry before it exits.
    system
        .processes
        .processes()
        .for_each(process::Process::ask_to_stop);
    assert!(
        system
            .processes
            .processes()
            .all(|process| process.wait_end(Duration::from_mins(1)))
    );

    let spans = collector.received();
    for service in Service::ALL {
        let name = format!("aikagi-{}", service.name());
        let heard = spans
            .windows(name.len())
            .any(|window| window == name.as_bytes());
        assert!(heard, "{name} sent no spans");
    }
    for method in [
        "Login",
        "TakeTurn",
        "ChangePassword",
        "VerifyPassword",
        "AddLine",
    ] {
        assert!(
            spans
                .windows(method.len())
                .any(|window| window == method.as_bytes()),
            "{method}"
        );
    }
    canaries.not_in(&spans, "a span, a metric or a log");
}
