//! The connection pool, and the checks at the start of a service.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};

use crate::{LedgerError, Settings, SettingsError};

/// A connection that was idle for longer than this is tested before it is used.
const UNTESTED_IDLE: Duration = Duration::from_secs(1);

/// The values of `synchronous_commit` with which an acknowledged commit survives a crash of the primary, and its loss if
/// there is a synchronous standby.
const DURABLE: [&str; 2] = ["on", "remote_apply"];

/// Why a service does not start with this database.
#[derive(Debug, thiserror::Error)]
pub enum DurabilityError {
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The settings of the database could not be read.
    #[error("postgres: {0}")]
    Ledger(#[from] LedgerError),
    /// INV-4: an acknowledged commit might not be durable.
    #[error("postgres: `synchronous_commit` is `{0}`; it must be `on` or stricter")]
    NotDurable(String),
    /// INV-4: commits on later connections might not be durable.
    #[error("postgres: ALTER ROLE or ALTER DATABASE sets `{0}` for this role; reset it")]
    SetForRole(String),
}

/// When PostgreSQL plans the statements of a connection. Each statement is prepared once in both cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planning {
    /// Once, for all parameter values. For statements that read few rows by key: planning them costs more than running
    /// them.
    Once,
    /// PostgreSQL decides, and may plan again for each set of values. For statements in which some values switch off a
    /// condition.
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

/// Creates a pool. Must be called inside a tokio runtime.
///
/// The pool connects at the first statement, so a service can start during an outage of the ledger. A statement that
/// waits too long for a connection fails as unavailable.
///
/// INV-4: the pool never uses a connection on which commits are not durable, even if the database setting changes after
/// the start of the service.
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

/// Creates a pool for schema migrations. Their statements have no time limit. Their wait for a lock is limited, because
/// all later statements on the table wait behind it.
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
        // A test before every use would double the round trips of a session check.
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                if metadata.idle_for > UNTESTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(settings.options()?.options([planning.parameter()])))
}

/// Checks that the ledger answers.
pub async fn check(pool: &PgPool) -> Result<(), LedgerError> {
    sqlx::query("SELECT 1").execute(pool).await?;
    Ok(())
}

/// INV-4: refuses a database that can lose acknowledged commits.
///
/// Checks the present setting, and the settings of this role and this database, which later connections would get. A
/// database that does not answer is not refused: the service starts and is not ready.
pub async fn check_durability(settings: &Settings) -> Result<(), DurabilityError> {
    let pool = lazy(PgPoolOptions::new(), settings, Planning::AsNeeded)?;
    let levels = read_levels(&pool).await;
    pool.close().await;
    let (level, stored) = match levels {
        Ok(levels) => levels,
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

/// The value of `synchronous_commit` in this session, and the settings stored for this role and this database.
async fn read_levels(pool: &PgPool) -> Result<(String, Vec<String>), LedgerError> {
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
