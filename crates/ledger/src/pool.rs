//! The connections of the pool. Every wait for the server has a time limit. A connection whose state is unknown is
//! closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aikagi_domain::fault::{Cause, ErrorType};
use deadpool::managed::{self, Metrics, Object, RecycleError, RecycleResult};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tokio::time::timeout;

use crate::LedgerError;
use crate::error::{NoConnection, cause_of};

/// A connection that was idle for longer than this is tested before it is used.
const UNTESTED_IDLE: Duration = Duration::from_secs(1);
/// How long a test of an idle connection waits for the server.
pub(crate) const TEST: Duration = Duration::from_millis(500);
/// How long the server may stay silent after the time limit of a statement.
const SILENCE: Duration = Duration::from_millis(500);

/// The values of `synchronous_commit` that make commits durable. An acknowledged commit survives a crash of the
/// primary. With a synchronous standby it also survives the loss of the primary.
pub(crate) const DURABLE: [&str; 2] = ["on", "remote_apply"];

/// Opens connections that accept durable changes (INV-4).
pub(crate) struct Manager {
    /// The options of a connection to each server.
    pub(crate) servers: Vec<PgConnectOptions>,
    /// How long one server may take to accept a connection.
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) max_lifetime: Duration,
    /// Counts the connections that broke.
    pub(crate) breaks: Arc<AtomicU64>,
}

/// A connection to the server.
pub(crate) struct Server {
    raw: PgConnection,
    /// True while a statement runs. It stays true after a statement whose end is unknown.
    busy: bool,
    statement_timeout: Duration,
    breaks: Breaks,
}

/// The count of broken connections, and its value when this connection was opened. This connection is not used again
/// after another one broke. Its server may have stopped, or may no longer be the primary.
#[derive(Clone)]
struct Breaks {
    count: Arc<AtomicU64>,
    before: u64,
}

impl Breaks {
    fn note(&self) {
        self.count.fetch_max(self.before + 1, Ordering::AcqRel);
    }

    fn is_suspect(&self) -> bool {
        self.count.load(Ordering::Acquire) != self.before
    }
}

impl Manager {
    /// Connects to the first server that accepts durable changes. Fails with the cause of the last server.
    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut failed = sqlx::Error::PoolTimedOut;
        for options in &self.servers {
            match timeout(self.connect_timeout, usable(options)).await {
                Ok(Ok(raw)) => return Ok(raw),
                Ok(Err(error)) => failed = error,
                Err(_elapsed) => failed = because(ErrorType::Timeout.into()),
            }
        }
        Err(failed)
    }
}

impl managed::Manager for Manager {
    type Type = Server;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Server, sqlx::Error> {
        let breaks = Breaks {
            count: self.breaks.clone(),
            before: self.breaks.load(Ordering::Acquire),
        };
        Ok(Server {
            // On the heap, because the future is large and connecting is rare.
            raw: Box::pin(self.connect()).await?,
            busy: false,
            statement_timeout: self.statement_timeout,
            breaks,
        })
    }

    async fn recycle(&self, server: &mut Server, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if server.busy || server.breaks.is_suspect() || metrics.age() > self.max_lifetime {
            return Err(RecycleError::message(
                "the connection must not be used again",
            ));
        }
        if metrics.last_used() > UNTESTED_IDLE {
            let tested = timeout(TEST, server.raw.ping()).await;
            tested.unwrap_or_else(|_elapsed| Err(because(ErrorType::Timeout.into())))?;
        }
        Ok(())
    }
}

impl Server {
    /// Marks this connection as broken. It is closed and not used again. The other connections that were opened
    /// before the break are closed, too.
    fn give_up(&mut self) {
        self.busy = true;
        self.breaks.note();
    }

    /// Returns the connection for one statement, and the record of how the statement ends.
    pub(crate) fn begin_statement(&mut self) -> (&mut PgConnection, Progress<'_>) {
        self.busy = true;
        let progress = Progress {
            busy: &mut self.busy,
            breaks: &self.breaks,
            limit: self.statement_timeout + SILENCE,
        };
        (&mut self.raw, progress)
    }
}

/// Records how a statement ends. A connection on which a statement did not end is closed.
pub(crate) struct Progress<'a> {
    busy: &'a mut bool,
    breaks: &'a Breaks,
    limit: Duration,
}

impl Progress<'_> {
    /// The maximum time that the server may be silent.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Records that the statement ended.
    pub(crate) fn end(&mut self) {
        *self.busy = false;
    }

    /// Records that the statement failed. After some errors the connection can be used again.
    pub(crate) fn fail(&mut self, error: &sqlx::Error) {
        if is_break(error) {
            self.breaks.note();
        } else {
            *self.busy = false;
        }
    }

    /// Records that the server was silent for too long, and returns the error.
    pub(crate) fn time_out(&mut self) -> sqlx::Error {
        let error = because(ErrorType::Timeout.into());
        self.fail(&error);
        error
    }
}

/// A connection of the pool. When it is dropped, it returns to the pool. If a statement on it did not end, it is closed
/// instead.
pub struct Connection {
    /// `None` only while the connection is dropped.
    server: Option<Object<Manager>>,
}

impl Connection {
    pub(crate) fn new(server: Object<Manager>) -> Self {
        Self {
            server: Some(server),
        }
    }

    pub(crate) fn server(&mut self) -> Result<&mut Server, sqlx::Error> {
        self.server.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Runs a statement without parameters.
    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.execute(statement).await.map(|_done| ())
    }

    /// Marks the connection as broken, so that it is closed when it is dropped. The other connections that were opened
    /// before the break are closed before their next use.
    pub(crate) fn give_up(&mut self) {
        if let Some(server) = &mut self.server {
            server.give_up();
        }
    }

    fn is_busy(&self) -> bool {
        self.server.as_ref().is_none_or(|server| server.busy)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(server) = self.server.take()
            && server.busy
        {
            // The server stops the statement when it notices that the connection was closed.
            drop(Object::take(server));
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// A transaction. It is rolled back if it is dropped before [`Transaction::commit`].
#[derive(Debug)]
pub struct Transaction {
    connection: Connection,
    open: bool,
}

impl Transaction {
    pub(crate) async fn begin(
        mut connection: Connection,
        statement: &'static str,
    ) -> Result<Self, sqlx::Error> {
        connection.run(statement).await?;
        Ok(Self {
            connection,
            open: true,
        })
    }

    /// Commits the transaction. After an error of the kind `Unavailable`, the transaction may or may not have been
    /// committed.
    pub async fn commit(self) -> Result<(), LedgerError> {
        self.end("COMMIT", "commit").await
    }

    /// Rolls the transaction back.
    pub async fn rollback(self) -> Result<(), LedgerError> {
        self.end("ROLLBACK", "rollback").await
    }

    async fn end(
        mut self,
        statement: &'static str,
        operation: &'static str,
    ) -> Result<(), LedgerError> {
        let done = self.connection.run(statement).await;
        self.open = false;
        done.map_err(|error| LedgerError::of(&error, operation))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.open || self.connection.is_busy() {
            return;
        }
        let mut connection = Connection {
            server: self.connection.server.take(),
        };
        // Until the rollback the connection counts as busy. It is closed if the rollback cannot run or fails.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { connection.run("ROLLBACK").await });
        } else {
            connection.give_up();
        }
    }
}

impl std::ops::Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl std::ops::DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Connects to a server that accepts durable changes.
async fn usable(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut raw = options.connect().await?;
    match obstacle(&mut raw).await? {
        None => Ok(raw),
        Some(cause) => Err(because(cause)),
    }
}

/// Returns the cause that prevents durable changes on this connection. `None` if it accepts them.
pub(crate) async fn obstacle(
    executor: impl sqlx::PgExecutor<'_>,
) -> Result<Option<Cause>, sqlx::Error> {
    let (read_only, level): (bool, String) = sqlx::query_as(
        "SELECT current_setting('transaction_read_only') = 'on', current_setting('synchronous_commit')",
    )
    .fetch_one(executor)
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

/// An error of the driver that has this cause.
pub(crate) fn because(cause: Cause) -> sqlx::Error {
    sqlx::Error::Configuration(NoConnection(cause).into())
}

/// True if after this error the connection cannot be used again, or can be used only to read.
fn is_break(error: &sqlx::Error) -> bool {
    matches!(
        cause_of(error).error_type,
        ErrorType::Connect
            | ErrorType::Tls
            | ErrorType::Timeout
            | ErrorType::ReadOnly
            | ErrorType::Shutdown
            | ErrorType::NoDatabase
    )
}
