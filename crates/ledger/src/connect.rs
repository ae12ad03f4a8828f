//! The connection pool, and the checks at the start of a service.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aikagi_domain::fault::{Cause, Dependency, Endpoint, ErrorType, Fault, FaultKind};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection, PgConnection, PgPool, Postgres, Transaction};

use crate::error::{DEPENDENCY, NoConnection, cause_of, export_failures};
use crate::{LedgerError, Settings, SettingsError};

/// A connection that was idle for longer than this is tested before it is used.
const UNTESTED_IDLE: Duration = Duration::from_secs(1);

/// How long a check waits for a connection of the pool. The health check gives up after two seconds.
const CHECK_ACQUIRE: Duration = Duration::from_millis(1200);
/// How long a check then waits for a connection outside of the pool, made to find the cause.
const CHECK_CONNECT: Duration = Duration::from_millis(500);

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
    #[error(transparent)]
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

/// The ledger: a pool of connections, and what is known about an outage. Clones share both.
#[derive(Clone)]
pub struct Ledger {
    pool: PgPool,
    outage: Outage,
}

/// The cause of the present outage, if a check found one. The pool only reports that no connection came in time.
#[derive(Debug, Clone, Default)]
struct Outage(Arc<Mutex<Option<Cause>>>);

impl Outage {
    fn set(&self, cause: Option<Cause>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    fn cause(&self) -> Option<Cause> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Creates the pool. Must be called inside a tokio runtime.
    ///
    /// The pool connects at the first statement, so a service can start during an outage of the ledger. A statement that
    /// waits too long for a connection fails as unavailable.
    ///
    /// INV-4: the pool never uses a connection on which commits are not durable, even if the database setting changes
    /// after the start of the service.
    pub fn connect(settings: &Settings, planning: Planning) -> Result<Self, SettingsError> {
        export_failures();
        let outage = Outage::default();
        let connected = outage.clone();
        let options = PgPoolOptions::new().after_connect(move |connection, _| {
            let connected = connected.clone();
            Box::pin(async move {
                let level = synchronous_commit(connection).await?;
                if DURABLE.contains(&level.as_str()) {
                    connected.set(None);
                    return Ok(());
                }
                connected.set(Some(ErrorType::NotDurable.into()));
                Err(sqlx::Error::BeginFailed)
            })
        });
        let pool = lazy(options, settings, planning)?;
        Ok(Self { pool, outage })
    }

    /// Takes a connection from the pool.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, LedgerError> {
        let acquired = self.pool.acquire().await;
        acquired.map_err(|error| LedgerError::of(&self.explain(error), "acquire"))
    }

    /// Begins a transaction. It is rolled back if it is dropped without [`commit`].
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, LedgerError> {
        let begun = self.pool.begin().await;
        begun.map_err(|error| LedgerError::of(&self.explain(error), "begin"))
    }

    /// Begins a read-only transaction whose statements all see the same moment.
    pub async fn begin_snapshot(&self) -> Result<Transaction<'static, Postgres>, LedgerError> {
        let statement = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        let begun = self.pool.begin_with(statement).await;
        begun.map_err(|error| LedgerError::of(&self.explain(error), "begin"))
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Replaces the pool's error "no connection in time" by the cause of the present outage.
    pub(crate) fn explain(&self, error: sqlx::Error) -> sqlx::Error {
        match (&error, self.outage.cause()) {
            (sqlx::Error::PoolTimedOut, Some(cause)) => {
                sqlx::Error::Configuration(NoConnection(cause).into())
            }
            _ => error,
        }
    }

    /// Takes a connection and looks for an obstacle.
    async fn try_connection(&self) -> Result<(), LedgerError> {
        let acquired = tokio::time::timeout(CHECK_ACQUIRE, self.pool.acquire()).await;
        let mut connection = match acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(connection) => connection,
            Err(sqlx::Error::PoolTimedOut) => {
                let cause = self.diagnose().await;
                return Err(LedgerError::counted(cause, "check"));
            }
            Err(error) => return Err(LedgerError::of(&error, "check")),
        };
        match obstacle(&mut connection).await {
            Ok(None) => Ok(()),
            Ok(Some(cause)) => Err(LedgerError::counted(cause, "check")),
            Err(error) => Err(LedgerError::of(&error, "check")),
        }
    }

    /// Finds out why the pool had no connection: connects outside of the pool. If that succeeds, the pool is too small.
    async fn diagnose(&self) -> Cause {
        let options = self.pool.connect_options();
        match tokio::time::timeout(CHECK_CONNECT, options.connect()).await {
            Err(_elapsed) => ErrorType::Timeout.into(),
            Ok(Err(error)) => cause_of(&error),
            Ok(Ok(mut connection)) => match obstacle(&mut connection).await {
                Ok(None) => ErrorType::PoolTimeout.into(),
                Ok(Some(cause)) => cause,
                Err(error) => cause_of(&error),
            },
        }
    }
}

impl Dependency for Ledger {
    type Error = LedgerError;

    fn name(&self) -> &str {
        DEPENDENCY
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(&self.pool.connect_options())
    }

    /// Checks that the ledger answers, accepts changes and commits durably (INV-4).
    async fn check(&self) -> Result<(), LedgerError> {
        let checked = self.try_connection().await;
        self.outage.set(checked.as_ref().err().map(Fault::cause));
        checked
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

/// Commits a transaction. After an error it is unknown whether the commit was done.
pub async fn commit(transaction: Transaction<'_, Postgres>) -> Result<(), LedgerError> {
    let done = transaction.commit().await;
    done.map_err(|error| LedgerError::of(&error, "commit"))
}

/// Rolls a transaction back.
pub async fn rollback(transaction: Transaction<'_, Postgres>) -> Result<(), LedgerError> {
    let done = transaction.rollback().await;
    done.map_err(|error| LedgerError::of(&error, "rollback"))
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
    let timeout = settings.acquire_timeout()?;
    Ok(options
        .max_connections(settings.max_connections)
        .acquire_timeout(timeout)
        // A wait that is too long is an error, which is logged where it ends an RPC.
        .acquire_slow_threshold(timeout.saturating_mul(2))
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

/// The address of the server. For a Unix socket: its path, without a port.
fn endpoint(options: &PgConnectOptions) -> Endpoint {
    match options.get_socket() {
        Some(socket) => Endpoint {
            address: socket.display().to_string(),
            port: None,
        },
        None => Endpoint {
            address: options.get_host().to_owned(),
            port: Some(options.get_port()),
        },
    }
}

/// What prevents durable changes on this connection. `None` if nothing does.
async fn obstacle(connection: &mut PgConnection) -> Result<Option<Cause>, sqlx::Error> {
    let (read_only, level): (bool, String) = sqlx::query_as(
        "SELECT current_setting('transaction_read_only') = 'on', current_setting('synchronous_commit')",
    )
    .fetch_one(connection)
    .await?;
    let obstacle = if read_only {
        Some(ErrorType::ReadOnly)
    } else if DURABLE.contains(&level.as_str()) {
        None
    } else {
        Some(ErrorType::NotDurable)
    };
    Ok(obstacle.map(Cause::from))
}

/// INV-4: refuses a database that can lose acknowledged commits.
///
/// Checks the present setting, and the settings of this role and this database, which later connections would get. A
/// database that does not answer is not refused: the service starts and is not ready.
pub async fn check_durability(settings: &Settings) -> Result<(), DurabilityError> {
    let pool = lazy(PgPoolOptions::new(), settings, Planning::AsNeeded)?;
    let levels = read_levels(&pool).await;
    pool.close().await;
    let levels = levels.map_err(|error| LedgerError::of(&error, "check_durability"));
    let (level, stored) = match levels {
        Ok(levels) => levels,
        Err(error) if error.kind() == FaultKind::Unavailable => return Ok(()),
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
async fn read_levels(pool: &PgPool) -> Result<(String, Vec<String>), sqlx::Error> {
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
