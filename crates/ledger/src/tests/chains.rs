use aikagi_domain::audit_chain::{ChainHash, ChainedEvent};
use aikagi_fixtures::TestDatabase;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use super::{add_line, database, ledger_as, now, number};
use crate::Ledger;
use crate::audit::{AuditAction, AuditEvent, AuditOutcome, append};

async fn record(
    ledger: &Ledger,
    line_id: Option<i64>,
    occurred: DateTime<Utc>,
    reason: Option<&str>,
) {
    let mine = number("0312345678");
    let event = AuditEvent {
        occurred,
        actor: "******5678 via ivr",
        action: AuditAction::Login,
        line_id,
        number: line_id.map(|_| &mine),
        outcome: AuditOutcome::Refused,
        reason,
        trace_id: None,
    };
    let mut connection = ledger.acquire().await.unwrap();
    append(&mut connection, event).await.unwrap();
}

#[derive(sqlx::FromRow)]
struct Row {
    event_id: i64,
    occurred_time: DateTime<Utc>,
    actor: String,
    action: String,
    line_id: Option<i64>,
    number: Option<String>,
    outcome: String,
    reason: Option<String>,
    trace_id: Option<String>,
    repeats: Option<i64>,
    chain: i64,
    chain_sequence: i64,
    chain_hash: Vec<u8>,
}

async fn rows(pool: &PgPool) -> Vec<Row> {
    sqlx::query_as("SELECT * FROM audit_events ORDER BY chain, chain_sequence")
        .fetch_all(pool)
        .await
        .unwrap()
}

fn hash(bytes: &[u8]) -> ChainHash {
    ChainHash::from_slice(bytes).unwrap()
}

fn chained(row: &Row) -> ChainedEvent<'_> {
    ChainedEvent {
        chain: row.chain,
        chain_sequence: row.chain_sequence,
        event_id: row.event_id,
        occurred: row.occurred_time,
        actor: &row.actor,
        action: &row.action,
        line_id: row.line_id,
        number: row.number.as_deref(),
        outcome: &row.outcome,
        reason: row.reason.as_deref(),
        trace_id: row.trace_id.as_deref(),
        repeats: row.repeats,
    }
}

/// The recorded base and head of a chain.
async fn bounds(pool: &PgPool, chain: i64) -> (i64, ChainHash, i64, ChainHash) {
    let (base_sequence, base_hash, head_sequence, head_hash): (i64, Vec<u8>, i64, Vec<u8>) =
        sqlx::query_as(
            "SELECT base_sequence, base_hash, head_sequence, head_hash FROM audit_chains WHERE chain = $1",
        )
        .bind(chain)
        .fetch_one(pool)
        .await
        .unwrap();
    (
        base_sequence,
        hash(&base_hash),
        head_sequence,
        hash(&head_hash),
    )
}

/// A database, its superuser's pool, a service's pool and the id of a line.
async fn fixture() -> (TestDatabase, PgPool, Ledger, i64) {
    let (database, pool) = database().await;
    let line_id = add_line(&pool, &["0312345678"]).await;
    let service = ledger_as(&database, "aikagi_authentication");
    (database, pool, service, line_id)
}

/// OPS-3: the database chains the events of each line. It computes the same hashes as the domain crate. Events without
/// a line have separate chains.
#[tokio::test]
async fn events_are_chained_for_each_line() {
    let (_database, pool, service, line_id) = fixture().await;
    let other = add_line(&pool, &["0612345678"]).await;
    for (line_id, reason) in [
        (Some(line_id), Some("WRONG")),
        (Some(other), None),
        (Some(line_id), Some("誤り: 3:abc,")),
        (None, Some("UNKNOWN_NUMBER")),
        (Some(line_id), Some("")),
    ] {
        let moment = now() + TimeDelta::microseconds(1_234_567);
        record(&service, line_id, moment, reason).await;
    }
    let rows = rows(&pool).await;
    assert_eq!(rows.len(), 5);
    let mut previous = (0, ChainHash::START);
    for row in &rows {
        if row.chain_sequence == 1 {
            previous = (row.chain, ChainHash::START);
        }
        assert_eq!(row.chain, row.line_id.unwrap_or(previous.0));
        let expected = chained(row).hash_after(previous.1);
        assert_eq!(hash(&row.chain_hash), expected, "{}", row.event_id);
        previous.1 = expected;
    }
    assert!(rows[0].chain < 0);
    let sequences: Vec<(i64, i64)> = rows[1..]
        .iter()
        .map(|row| (row.chain, row.chain_sequence))
        .collect();
    assert_eq!(
        sequences,
        [(line_id, 1), (line_id, 2), (line_id, 3), (other, 1)]
    );
    let last = hash(&rows[3].chain_hash);
    assert_eq!(bounds(&pool, line_id).await, (0, ChainHash::START, 3, last));
}

/// OPS-3: events of one line that are recorded in parallel get different positions, and none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_events_get_different_positions() {
    let (_database, pool, service, line_id) = fixture().await;
    let recording: Vec<_> = (0..40)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { record(&service, Some(line_id), now(), None).await })
        })
        .collect();
    for one in recording {
        one.await.unwrap();
    }
    let sequences: Vec<i64> = rows(&pool)
        .await
        .iter()
        .map(|row| row.chain_sequence)
        .collect();
    assert_eq!(sequences, (1..=40).collect::<Vec<_>>());
}

/// OPS-3: events that an import appends together are chained like single events, and later events continue the chain.
#[tokio::test]
async fn events_of_an_import_start_their_chains() {
    let (database, pool, service, line_id) = fixture().await;
    let units = database.pool_as("aikagi_units").await.unwrap();
    let append =
        "SELECT audit_append_added_lines(ARRAY[$1], ARRAY['0312345678'], $2, 'operator', 't')";
    sqlx::query(append)
        .bind(line_id)
        .bind(now())
        .execute(&units)
        .await
        .unwrap();
    record(&service, Some(line_id), now(), None).await;
    let rows = rows(&pool).await;
    let first = chained(&rows[0]).hash_after(ChainHash::START);
    assert_eq!(hash(&rows[0].chain_hash), first);
    assert_eq!(rows[0].action, "ADD_LINE");
    assert_eq!(
        hash(&rows[1].chain_hash),
        chained(&rows[1]).hash_after(first)
    );
    let again = sqlx::query(append).bind(line_id).bind(now());
    assert!(
        again.execute(&units).await.is_err(),
        "the line already has a chain"
    );
}

/// OPS-3: each month has a partition. Opening a month moves its events from the default partition into the new one.
#[tokio::test]
async fn opening_a_month_moves_its_events() {
    let (database, pool, service, line_id) = fixture().await;
    let units = database.pool_as("aikagi_units").await.unwrap();
    let soon: DateTime<Utc> = sqlx::query_scalar("SELECT now() + interval '200 days'")
        .fetch_one(&pool)
        .await
        .unwrap();
    record(&service, Some(line_id), soon, None).await;
    let partition = "SELECT tableoid::regclass::text FROM audit_events";
    let before: String = sqlx::query_scalar(partition)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(before, "audit_events_other");
    for opened in [true, false] {
        let open: bool = sqlx::query_scalar("SELECT audit_open_month($1)")
            .bind(soon.date_naive())
            .fetch_one(&units)
            .await
            .unwrap();
        assert_eq!(open, opened);
    }
    let after: String = sqlx::query_scalar(partition)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(after, soon.format("audit_events_%Y_%m").to_string());
    record(&service, Some(line_id), soon, None).await;
    let rows = rows(&pool).await;
    assert_eq!(rows.len(), 2);
    let first = chained(&rows[0]).hash_after(ChainHash::START);
    assert_eq!(
        hash(&rows[1].chain_hash),
        chained(&rows[1]).hash_after(first)
    );
}

/// OPS-3: retention removes complete months. Each chain records its last removed event as its base.
#[tokio::test]
async fn retention_removes_months_and_records_the_base() {
    let (database, pool, service, line_id) = fixture().await;
    let retention = database.pool_as("aikagi_retention").await.unwrap();
    let present: DateTime<Utc> = sqlx::query_scalar("SELECT date_trunc('month', now())")
        .fetch_one(&pool)
        .await
        .unwrap();
    let (long_ago, today) = (
        present - TimeDelta::days(100),
        present + TimeDelta::hours(1),
    );
    for moment in [long_ago, long_ago, today, today] {
        record(&service, Some(line_id), moment, None).await;
    }
    let kept = rows(&pool).await.split_off(2);
    let remove = "SELECT audit_remove_months($1)";
    let removed: i32 = sqlx::query_scalar(remove)
        .bind(present)
        .fetch_one(&retention)
        .await
        .unwrap();
    assert_eq!(removed, 0, "no removed month had a partition");
    let left = rows(&pool).await;
    assert_eq!(left.len(), 2);
    let (base_sequence, base_hash, head_sequence, _) = bounds(&pool, line_id).await;
    assert_eq!((base_sequence, head_sequence), (2, 4));
    let expected = chained(&left[0]).hash_after(base_hash);
    assert_eq!(hash(&kept[0].chain_hash), expected);

    let next = present + TimeDelta::days(32);
    let removed: i32 = sqlx::query_scalar(remove)
        .bind(next)
        .fetch_one(&retention)
        .await
        .unwrap();
    assert_eq!(removed, 1);
    assert!(rows(&pool).await.is_empty());
    let (base_sequence, base_hash, head_sequence, head_hash) = bounds(&pool, line_id).await;
    assert_eq!((base_sequence, base_hash), (head_sequence, head_hash));
}
