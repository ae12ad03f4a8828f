//! Bad input over the wire: each is answered with a stable reason, and nothing is changed.

mod fields;
mod messages;
mod turns;

use std::collections::BTreeMap;

use aikagi_tests::world::{World, reason};
use sqlx::AssertSqlSafe;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Everything that is kept: a checksum of each table, and Redis but for the limits of LOGIN-8.
async fn kept(world: &World) -> BTreeMap<String, Vec<u8>> {
    let ledger = world.ledger().await;
    let tables: Vec<String> = sqlx::query_scalar(
        // A partition's rows are its table's, and months are opened meanwhile.
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
    let redis = crate::sessions::dump(world).await;
    all.extend(
        redis
            .into_iter()
            .filter(|(key, _)| !key.starts_with("rate:")),
    );
    all
}

/// `INVALID_FIELD`, which names fields and repeats nothing of what was sent.
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
        .expect("BadRequest")
        .field_violations;
    assert!(!fields.is_empty(), "{sent}");
    let said = format!("{} {fields:?}", status.message());
    let telling = sent.len() > 3 && sent.contains(char::is_numeric);
    assert!(
        !telling || !said.contains(sent),
        "{sent} is repeated: {said}"
    );
}
