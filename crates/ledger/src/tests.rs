//! Tests against a database of their own, signed in as the services' roles.

mod audit;
mod chains;
mod constraints;
mod durability;
mod grants;
mod line;
mod schema;

mod statements;

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_fixtures::TestDatabase;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

const ROLES: [&str; 6] = [
    "aikagi_issuance",
    "aikagi_authentication",
    "aikagi_password",
    "aikagi_units",
    "aikagi_reseal",
    "aikagi_retention",
];

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

/// The moment at which every test happens.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A line with these numbers, the first of them its contract number; all subscribed but the contract number.
async fn add_line(pool: &PgPool, numbers: &[&str]) -> i64 {
    let mut transaction = pool.begin().await.unwrap();
    let line_id: i64 =
        sqlx::query_scalar("INSERT INTO lines (contract_number) VALUES ($1) RETURNING line_id")
            .bind(numbers[0])
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
    for number in numbers {
        sqlx::query("INSERT INTO numbers (number, line_id, subscribed) VALUES ($1, $2, $3)")
            .bind(number)
            .bind(line_id)
            .bind(*number != numbers[0])
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::query("INSERT INTO credentials (number) VALUES ($1)")
            .bind(number)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    line_id
}

/// A database and its superuser's pool.
async fn database() -> (TestDatabase, PgPool) {
    let database = TestDatabase::new().await.unwrap();
    let pool = database.pool().await.unwrap();
    (database, pool)
}

/// The SQLSTATE that a statement is refused with; none when it was done.
async fn refusal(pool: &PgPool, statement: &'static str) -> Option<String> {
    let error = sqlx::raw_sql(statement).execute(pool).await.err()?;
    let state = match error.as_database_error() {
        Some(error) => error.code().unwrap_or_default().into_owned(),
        None => error.to_string(),
    };
    Some(state)
}
