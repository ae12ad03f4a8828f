//! Secrets do not print (INV-8): the whole story runs with passwords, tokens and numbers that occur nowhere else,
//! and they are looked for in everything that the system leaves behind.

mod canaries;
mod story;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::system::Database;
use aikagi_devkit::{postgres, process};
use sqlx::{AssertSqlSafe, PgPool};

use canaries::{Canaries, numbers};
use story::play;

use crate::collector::Collector;
use crate::live::{Live, light};

/// The columns that hold numbers, and may.
const NUMBER_COLUMNS: [(&str, &str); 4] = [
    ("lines", "contract_number"),
    ("numbers", "number"),
    ("credentials", "number"),
    ("audit_events", "number"),
];

/// No column of any table holds a secret, and only the columns for numbers hold numbers.
async fn look_into_postgresql(ledger: &PgPool, secrets: &Canaries, numbers: &Canaries) {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        // A partition's rows are its table's.
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
                "{place} is no longer a column of numbers"
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

/// INV-8: no log of any service, at any level, with all that its libraries say, nor one of the stores, holds a
/// password, a token or a whole number; nor does a refusal, a value in Redis, or a column that is not for numbers.
/// OPS-3: nor does an audit event.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_story_leaves_no_secret_behind() {
    let environment = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let database = Database::Own(postgres::Options::default());
    let replicas = [(Service::Authentication, 2)];
    let mut live = Live::start_with(&replicas, light, database, environment);
    let canaries = play(&live).await;

    let ledger = PgPool::connect(&live.system.superuser_url().unwrap())
        .await
        .unwrap();
    let numbers = numbers();
    let secrets = canaries.secrets();
    look_into_postgresql(&ledger, &secrets, &numbers).await;
    ledger.close().await;

    live.system
        .processes()
        .for_each(process::Process::ask_to_stop);
    assert!(
        live.system
            .processes()
            .all(|process| process.wait_end(Duration::from_mins(1)))
    );
    let size = look_into_files(&live.system.logs(), &canaries);
    assert!(
        size > 1_000_000,
        "the logs have only {size} bytes: do they still tell everything?"
    );
    for log in [
        live.system.redis.log(),
        live.system.cluster.as_ref().unwrap().log(),
    ] {
        canaries.not_in(&std::fs::read(&log).unwrap(), &log.display().to_string());
    }
}

/// INV-8: nothing that is sent to a collector, no span with its attributes and events, no metric and no log, holds a
/// password, a token or a whole number.
#[tokio::test(flavor = "multi_thread")]
async fn no_span_tells_a_secret() {
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
    let mut live = Live::start_with(&[], light, database, environment);
    let canaries = play(&live).await;
    // What is left is sent before a service ends.
    live.system
        .processes()
        .for_each(process::Process::ask_to_stop);
    assert!(
        live.system
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
