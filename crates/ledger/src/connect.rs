//! The connection pool, and the checks at the start of a service.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aikagi_domain::fault::{Cause, Dependency, Endpoint, ErrorType, Fault, FaultKind};
use deadpool::Runtime;
use deadpool::managed::{Pool, PoolError, QueueMode, Timeouts};
use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool};
use tokio::time::{sleep, timeout};

use crate::error::{DEPENDENCY, cause_of, export_failures};
use crate::pool::{Connection, DURABLE, Manager, TEST, Transaction, because, obstacle};
use crate::{LedgerError, Settings, SettingsError};

/// How long a check waits for a connection of the pool. The health check gives up after two seconds.
const CHECK_ACQUIRE: Duration = Duration::from_secs(1);
/// How long a check waits for each response of the server. It is also the limit for the connections outside of the pool
/// that find the cause of an outage. They are opened at the same time.
const CHECK_ANSWER: Duration = Duration::from_millis(400);
/// The first pause before another try to connect. Each later pause is twice as long as the one
/// before.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// A connection that was idle for longer than this is closed by the next check.
const MAX_IDLE: Duration = Duration::from_mins(10);

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

/// The ledger: a pool of connections, and the cause of the present outage if it is known. Clones share both.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) pool: Pool<Manager>,
    acquire_timeout: Duration,
    outage: Outage,
}

/// The cause of the present outage, if a check found one. The pool itself only reports that it had no connection in
/// time.
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
    /// The pool connects at the first statement, so a service can start during an outage of the ledger. A statement
    /// that waits too long for a connection fails with the kind `Unavailable`.
    ///
    /// INV-4: the pool uses only connections that accept changes and commit them durably. This stays true if the
    /// server's settings or its role change after the start of the service.
    pub fn connect(settings: &Settings, planning: Planning) -> Result<Self, SettingsError> {
        export_failures();
        let acquire_timeout = settings.acquire_timeout()?;
        let servers = settings.servers()?.into_iter();
        let servers: Vec<_> = servers
            .map(|options| options.options([planning.parameter()]))
            .collect();
        let count = u32::try_from(servers.len()).unwrap_or(u32::MAX);
        let manager = Manager {
            connect_timeout: acquire_timeout / count,
            statement_timeout: settings.statement_timeout()?,
            max_lifetime: settings.max_lifetime()?,
            breaks: Arc::new(AtomicU64::new(0)),
            servers,
        };
        let size = usize::try_from(settings.max_connections).unwrap_or(usize::MAX);
        let pool = Pool::builder(manager)
            .max_size(size)
            // The connection that was returned last is used first. Connections that are not needed stay idle, and a
            // check closes them.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(acquire_timeout),
                create: Some(acquire_timeout),
                recycle: Some(TEST),
            })
            .build()
            .map_err(|_no_runtime| SettingsError::Duration("acquire_timeout"))?;
        Ok(Self {
            pool,
            acquire_timeout,
            outage: Outage::default(),
        })
    }

    /// Takes a connection from the pool.
    pub async fn acquire(&self) -> Result<Connection, LedgerError> {
        let acquired = self.connection().await;
        acquired.map_err(|error| LedgerError::of(&error, "acquire"))
    }

    /// Begins a transaction. It is rolled back if it is dropped without [`Transaction::commit`].
    pub async fn begin(&self) -> Result<Transaction, LedgerError> {
        self.begin_with("BEGIN").await
    }

    /// Begins a read-only transaction whose statements all see the same state of the data.
    pub async fn begin_snapshot(&self) -> Result<Transaction, LedgerError> {
        self.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await
    }

    async fn begin_with(&self, statement: &'static str) -> Result<Transaction, LedgerError> {
        let begun = match self.connection().await {
            Ok(connection) => Transaction::begin(connection, statement).await,
            Err(error) => Err(error),
        };
        begun.map_err(|error| LedgerError::of(&error, "begin"))
    }

    /// Takes a connection from the pool. Tries again while a server starts, stops, or becomes the primary.
    pub(crate) async fn connection(&self) -> Result<Connection, sqlx::Error> {
        let mut failed = None;
        let tries = async {
            let mut pause = FIRST_PAUSE;
            loop {
                match self.pool.get().await {
                    Ok(server) => return Ok(Connection::new(server)),
                    Err(PoolError::Backend(error)) if can_pass(&error) => failed = Some(error),
                    Err(PoolError::Backend(error)) => return Err(error),
                    Err(PoolError::Closed) => return Err(sqlx::Error::PoolClosed),
                    Err(_no_connection) => return Err(sqlx::Error::PoolTimedOut),
                }
                sleep(pause).await;
                pause *= 2;
            }
        };
        let ended = timeout(self.acquire_timeout, tries).await;
        let acquired = ended.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        if acquired.is_ok() {
            self.outage.set(None);
        }
        acquired.map_err(|error| match (error, failed) {
            (sqlx::Error::PoolTimedOut, Some(failed)) => failed,
            (sqlx::Error::PoolTimedOut, None) => match self.outage.cause() {
                Some(cause) => because(cause),
                None => sqlx::Error::PoolTimedOut,
            },
            (error, _) => error,
        })
    }

    /// Closes connections that were idle for long. Then takes a connection and checks that it accepts durable changes.
    async fn try_connection(&self) -> Result<(), LedgerError> {
        self.pool
            .retain(|_, metrics| metrics.last_used() < MAX_IDLE);
        let mut connection = match timeout(CHECK_ACQUIRE, self.connection()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) if !matches!(error, sqlx::Error::PoolTimedOut) => {
                return Err(LedgerError::of(&error, "check"));
            }
            _ => return Err(LedgerError::counted(self.diagnose().await, "check")),
        };
        let found = timeout(CHECK_ANSWER, obstacle(&mut connection)).await;
        match found.unwrap_or_else(|_elapsed| Ok(Some(ErrorType::Timeout.into()))) {
            Ok(None) => Ok(()),
            Ok(Some(cause)) => {
                connection.give_up();
                Err(LedgerError::counted(cause, "check"))
            }
            Err(error) => Err(LedgerError::of(&error, "check")),
        }
    }

    /// Connects to all servers outside of the pool to find out why the pool had no connection. If one of them accepts
    /// durable changes, the cause is `pool_timeout`: all connections of the pool are in use. Otherwise it is the cause
    /// of the last server.
    async fn diagnose(&self) -> Cause {
        let mut cause = ErrorType::PoolTimeout.into();
        let tries = self.pool.manager().servers.iter().map(|options| {
            timeout(CHECK_ANSWER, async {
                obstacle(&mut options.connect().await?).await
            })
        });
        for tried in join_all(tries).await {
            cause = match tried {
                Err(_elapsed) => ErrorType::Timeout.into(),
                Ok(Err(error)) => cause_of(&error),
                Ok(Ok(Some(cause))) => cause,
                Ok(Ok(None)) => return ErrorType::PoolTimeout.into(),
            };
        }
        cause
    }
}

impl Dependency for Ledger {
    type Error = LedgerError;

    fn name(&self) -> &str {
        DEPENDENCY
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(&self.pool.manager().servers)
    }

    /// Checks that the ledger responds, accepts changes and commits durably (INV-4).
    async fn check(&self) -> Result<(), LedgerError> {
        let checked = self.try_connection().await;
        self.outage.set(checked.as_ref().err().map(Fault::cause));
        checked
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("pool", &self.pool.status())
            .finish_non_exhaustive()
    }
}

/// Creates a pool for schema migrations. Their statements have no time limit. But the wait for a lock has one,
/// because all later statements on the table wait for as long.
pub(crate) fn for_schema(settings: &Settings) -> Result<PgPool, SettingsError> {
    let options = settings.options()?.options([("statement_timeout", "0")]);
    Ok(PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(options))
}

/// True if another try to connect may succeed soon.
fn can_pass(error: &sqlx::Error) -> bool {
    matches!(
        cause_of(error).error_type,
        ErrorType::Connect
            | ErrorType::Shutdown
            | ErrorType::ReadOnly
            | ErrorType::NotDurable
            | ErrorType::TooManyConnections
    )
}

/// The address of the first server. For a Unix socket: its path, without a port.
fn endpoint(servers: &[PgConnectOptions]) -> Endpoint {
    let Some(options) = servers.first() else {
        return Endpoint {
            address: String::new(),
            port: None,
        };
    };
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

/// INV-4: refuses a database that can lose acknowledged commits.
///
/// Checks the present setting, and the settings of this role and this database, which later connections would get. A
/// database that does not respond is not refused: the service starts and is not ready.
pub async fn check_durability(settings: &Settings) -> Result<(), DurabilityError> {
    let mut levels = Err(sqlx::Error::PoolTimedOut);
    for options in settings.servers()? {
        let read = timeout(settings.acquire_timeout()?, read_levels(&options)).await;
        levels = read.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        if levels.is_ok() {
            break;
        }
    }
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
async fn read_levels(options: &PgConnectOptions) -> Result<(String, Vec<String>), sqlx::Error> {
    let mut connection = options.connect().await?;
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
    .fetch_all(&mut connection)
    .await?;
    let _unused = connection.close().await;
    Ok((level, stored))
}

async fn synchronous_commit(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT current_setting('synchronous_commit') AS "level!""#)
        .fetch_one(connection)
        .await
}
