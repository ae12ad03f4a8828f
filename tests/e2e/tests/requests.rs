//! Invalid requests. Each is refused with a stable reason and changes nothing.

mod fields;
mod messages;
mod turns;

use std::collections::BTreeMap;

use aikagi_client::reason;
use aikagi_e2e::in_process::InProcessSystem;
use sqlx::AssertSqlSafe;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The stored state: a checksum of each table, and everything in Redis except the limits of LOGIN-8.
async fn kept(system: &InProcessSystem) -> BTreeMap<String, Vec<u8>> {
    let ledger = system.ledger().await;
    let tables: Vec<String> = sqlx::query_scalar(
        // Without partitions: their rows are also rows of the partitioned table, and new months may
        // be added meanwhile.
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition",
    )
    .fetch_all(&ledger)
    .await
    .unwrap();
    assert!(tables.len() >= 5);
    let mut all = BTreeMap::new();
    for table in tables {
        let rows = format!(
            "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} AS t"
        );
        let sum: String = sqlx::query_scalar(AssertSqlSafe(rows))
            .fetch_one(&ledger)
            .await
            .unwrap();
        all.insert(table, sum.into_bytes());
    }
    let redis = crate::sessions::dump(system).await;
    all.extend(
        redis
            .into_iter()
            .filter(|(key, _)| !key.starts_with("rate:")),
    );
    all
}

/// Checks that an RPC was refused with `INVALID_FIELD`, that the refusal names fields, and that it does not repeat the input.
#[track_caller]
fn invalid<T: std::fmt::Debug>(answer: Result<T, Status>, sent: &str) {
    let status = answer.expect_err(sent);
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::InvalidArgument, "INVALID_FIELD"),
        "{sent}"
    );
    let fields = status
        .get_details_bad_request()
        .expect("the status has a BadRequest")
        .field_violations;
    assert!(!fields.is_empty(), "{sent}");
    let message = format!("{} {fields:?}", status.message());
    let telling = sent.len() > 3 && sent.contains(char::is_numeric);
    assert!(
        !telling || !message.contains(sent),
        "{sent} is repeated: {message}"
    );
}
