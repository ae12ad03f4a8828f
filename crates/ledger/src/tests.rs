//! Tests of the schema and of this crate's statements. Each test has its own database and logs in with the services'
//! roles.

mod audit;
mod causes;
mod chains;
mod constraints;
mod durability;
mod grants;
mod line;
mod refusals;
mod schema;
mod silence;
mod statements;

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_fixtures::TestDatabase;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgPool};

use crate::{Ledger, Planning, Settings};

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

/// The present time in every test.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// Adds a line with these numbers. The first is the contract number; the others are subscribed.
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

/// A database, and a pool that logs in as its superuser.
async fn database() -> (TestDatabase, PgPool) {
    let database = TestDatabase::new().await.unwrap();
    let pool = database.pool().await.unwrap();
    (database, pool)
}

/// The ledger, with the role of a service.
fn ledger_as(database: &TestDatabase, role: &str) -> Ledger {
    let settings = Settings::for_url(database.url_as(role));
    Ledger::connect(&settings, Planning::AsNeeded).unwrap()
}

/// Runs a statement as the superuser.
async fn run(pool: &PgPool, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(pool)
        .await
        .unwrap();
}

/// The SQLSTATE with which the database refuses a statement; `None` if the statement succeeds.
async fn refusal(pool: &PgPool, statement: &'static str) -> Option<String> {
    let error = sqlx::raw_sql(statement).execute(pool).await.err()?;
    let state = match error.as_database_error() {
        Some(error) => error.code().unwrap_or_default().into_owned(),
        None => error.to_string(),
    };
    Some(state)
}
