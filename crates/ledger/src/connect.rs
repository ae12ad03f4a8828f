//! Connecting, and what a service checks before it serves.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};

use crate::{LedgerError, Settings, SettingsError};

/// A connection that rested for longer than this is asked whether it still stands before it is used.
const TRUSTED_REST: Duration = Duration::from_secs(1);

/// The values of `synchronous_commit` under which an acknowledged commit survives a crash, and the loss of the
/// primary where there is a synchronous standby.
const DURABLE: [&str; 2] = ["on", "remote_apply"];

/// Why a service does not start on this database.
#[derive(Debug, thiserror::Error)]
pub enum DurabilityError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It does not answer as it should.
    #[error("postgres: {0}")]
    Ledger(#[from] LedgerError),
    /// INV-4: what is acknowledged might not be durable.
    #[error("postgres: `synchronous_commit` is `{0}`; it must be `on` or stricter")]
    NotDurable(String),
    /// INV-4: as before, for connections to come.
    #[error("postgres: ALTER ROLE or ALTER DATABASE sets `{0}` for this role; reset it")]
    SetForRole(String),
}

/// When a connection's statements are planned. Each is prepared once in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planning {
    /// Once, for whatever values: for statements that look for a few rows by key. Planning one costs more than
    /// running it.
    Once,
    /// As the database thinks best, again for each values if need be: for statements with parts that some values
    /// switch off.
    AsNeeded,
}

impl Planning {
    fn parameter(self) -> (&'static str, &'static str) {
        let mode = match self {
            Self::Once => "force_generic_plan",
            Self::AsNeeded => "auto",
        };
        ("plan_cache_mode", mode)
    }
}

/// A pool for these settings. It connects with the first statement, so a service starts while the ledger
/// is away, and what waits too long counts as unavailable. Has to be called inside a tokio runtime.
///
/// INV-4: a connection on which commits are not durable is never used, also where the setting changed after
/// the service had started.
pub fn connect(settings: &Settings, planning: Planning) -> Result<PgPool, SettingsError> {
    let options = PgPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move {
            let level = synchronous_commit(connection).await?;
            if DURABLE.contains(&level.as_str()) {
                return Ok(());
            }
            tracing::error!(synchronous_commit = level, "commits are not durable");
            Err(sqlx::Error::BeginFailed)
        })
    });
    lazy(options, settings, planning)
}

/// A pool for migrations, which may take as long as their statements take; a lock that services hold is waited for
/// briefly, for whoever comes after waits too.
pub(crate) fn for_schema(settings: &Settings) -> Result<PgPool, SettingsError> {
    let options = settings.options()?.options([("statement_timeout", "0")]);
    Ok(PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(options))
}

fn lazy(
    options: PgPoolOptions,
    settings: &Settings,
    planning: Planning,
) -> Result<PgPool, SettingsError> {
    Ok(options
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.acquire_timeout()?)
        // Asking before every use would double the round trips of a session's check.
        .test_before_acquire(false)
        .before_acquire(|connection, rest| {
            Box::pin(async move {
                if rest.idle_for > TRUSTED_REST {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(settings.options()?.options([planning.parameter()])))
}

/// Whether the ledger answers.
pub async fn check(pool: &PgPool) -> Result<(), LedgerError> {
    sqlx::query("SELECT 1").execute(pool).await?;
    Ok(())
}

/// INV-4: refuses a database whose acknowledgements can be lost: by the present setting, or by one of this role or
/// database that a later connection would get. A database that does not answer is not refused: the service starts
/// not ready.
pub async fn check_durability(settings: &Settings) -> Result<(), DurabilityError> {
    let pool = lazy(PgPoolOptions::new(), settings, Planning::AsNeeded)?;
    let found = ask(&pool).await;
    pool.close().await;
    let (level, stored) = match found {
        Ok(found) => found,
        Err(LedgerError::Unavailable) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !DURABLE.contains(&level.as_str()) {
        return Err(DurabilityError::NotDurable(level));
    }
    for setting in stored {
        let (_, value) = setting.split_once('=').unwrap_or_default();
        if !DURABLE.contains(&value) {
            return Err(DurabilityError::SetForRole(setting));
        }
    }
    Ok(())
}

/// The level of this session, and what is stored for this role and this database.
async fn ask(pool: &PgPool) -> Result<(String, Vec<String>), LedgerError> {
    let mut connection = pool.acquire().await?;
    let level = synchronous_commit(&mut connection).await?;
    let stored = sqlx::query_scalar!(
        r#"
        SELECT setting AS "setting!"
        FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS setting
        WHERE setting LIKE 'synchronous\_commit=%'
            AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
        "#
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok((level, stored))
}

async fn synchronous_commit(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT current_setting('synchronous_commit') AS "level!""#)
        .fetch_one(connection)
        .await
}
