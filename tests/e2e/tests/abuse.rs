//! Attacks that go beyond the test of a single rule: all forms with ended credentials, abandoned guesses, and proofs that
//! are used for something else.

mod abandoned;
mod ended;
mod forced;
mod replay;

use sqlx::PgPool;

/// All rows of the lines and the credentials, as text.
pub(crate) async fn rows(ledger: &PgPool) -> Vec<String> {
    let statement = "SELECT row_to_json(lines)::text FROM lines
                     UNION ALL SELECT row_to_json(credentials)::text FROM credentials ORDER BY 1";
    sqlx::query_scalar(statement)
        .fetch_all(ledger)
        .await
        .unwrap()
}
