//! Attacks that no test of a single rule covers: pages that were opened before their session ended or
//! their password was replaced, abandoned attempts, and must-change sessions at RPCs that they may not
//! use. Tokens, turns, previews and passwords are used again or for another line. Refusals and guesses
//! are repeated without end.

mod abandoned;
mod ended;
mod forced;
mod refusals;
mod replay;
mod siege;

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
