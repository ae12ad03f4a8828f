//! Attacks that no single rule's test makes: every form against every dead credential, guesses given up midway, what
//! was proven for one thing used for another.

mod dead;
mod forced;
mod given_up;
mod replay;

use sqlx::PgPool;

/// Every row of the lines and of their credentials.
pub(crate) async fn rows(ledger: &PgPool) -> Vec<String> {
    let statement = "SELECT row_to_json(lines)::text FROM lines
                     UNION ALL SELECT row_to_json(credentials)::text FROM credentials ORDER BY 1";
    sqlx::query_scalar(statement)
        .fetch_all(ledger)
        .await
        .unwrap()
}
