use aikagi_domain::fault::{Dependency as _, ErrorType, Fault as _};
use sqlx::{AssertSqlSafe, PgPool};

use super::database;
use crate::{DurabilityError, Ledger, Planning, Settings, check_durability};

async fn alter(pool: &PgPool, database: &str, setting: &str) {
    let statement = format!("ALTER DATABASE \"{database}\" {setting}");
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(pool)
        .await
        .unwrap();
}

/// INV-4: a database that acknowledges commits before they are durable is refused at the start. A ledger does not
/// use new connections to such a database.
#[tokio::test]
async fn a_database_that_is_not_durable_is_refused() {
    let (database, pool) = database().await;
    let settings = Settings::for_url(database.url_as("aikagi_units"));
    check_durability(&settings).await.unwrap();
    let units = Ledger::connect(&settings, Planning::AsNeeded).unwrap();
    units.check().await.unwrap();

    for value in ["off", "local", "remote_write"] {
        alter(
            &pool,
            database.name(),
            &format!("SET synchronous_commit = {value}"),
        )
        .await;
        let refused = check_durability(&settings).await.unwrap_err();
        assert!(matches!(&refused, DurabilityError::NotDurable(found) if found == value));
        assert!(refused.to_string().contains("synchronous_commit"));
    }
    let late = Ledger::connect(&settings, Planning::AsNeeded).unwrap();
    let found = late.check().await.unwrap_err();
    assert_eq!(found.cause(), ErrorType::NotDurable.into());
    assert_eq!(late.acquire().await.unwrap_err().cause(), found.cause());

    alter(
        &pool,
        database.name(),
        "SET synchronous_commit = remote_apply",
    )
    .await;
    check_durability(&settings).await.unwrap();
}

/// INV-4: a database setting for later connections is refused, even if the present connection is durable.
#[tokio::test]
async fn a_setting_for_later_connections_is_refused() {
    let (database, pool) = database().await;
    alter(&pool, database.name(), "SET synchronous_commit = off").await;
    let url = database.url_as("aikagi_units");
    let joint = if url.contains('?') { '&' } else { '?' };
    let settings = Settings::for_url(format!("{url}{joint}options[synchronous_commit]=on"));
    let refused = check_durability(&settings).await.unwrap_err();
    assert!(
        matches!(&refused, DurabilityError::SetForRole(found) if found == "synchronous_commit=off")
    );
}

/// INV-4: a ledger that does not respond is not refused, because it acknowledges nothing.
#[tokio::test]
async fn a_ledger_that_does_not_respond_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::for_url(format!(
        "postgres://aikagi_units@localhost:5432/none?host={}",
        directory.path().display()
    ));
    settings.acquire_timeout = chrono::TimeDelta::milliseconds(200);
    check_durability(&settings).await.unwrap();
    let ledger = Ledger::connect(&settings, Planning::AsNeeded).unwrap();
    let found = ledger.check().await.unwrap_err();
    assert_eq!(found.cause(), ErrorType::Connect.into());
}

/// INV-4: every connection limits the times of statements, locks and idle transactions.
#[tokio::test]
async fn connections_have_time_limits() {
    let (database, _pool) = database().await;
    for (planning, mode) in [
        (Planning::Once, "force_generic_plan"),
        (Planning::AsNeeded, "auto"),
    ] {
        let settings = Settings::for_url(database.url_as("aikagi_password"));
        let ledger = Ledger::connect(&settings, planning).unwrap();
        for (name, expected) in [
            ("statement_timeout", "3s"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("plan_cache_mode", mode),
        ] {
            let found: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(name)
                .fetch_one(&ledger)
                .await
                .unwrap();
            assert_eq!(found, expected, "{name}");
        }
    }
}
