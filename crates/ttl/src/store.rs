//! The store: a connection with a time limit for each operation.

use std::fmt;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, ScriptInvocation};
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use crate::connection::RedisConnection;
use crate::error::TtlError;
use crate::settings::{Settings, SettingsError};

/// Redis, with the rights of one user. Clones share one connection.
///
/// Methods of the modules give access by kind of value: [`temporary_passwords`](Self::temporary_passwords),
/// [`calls`](Self::calls), [`sessions`](Self::sessions) and [`rate_limits`](Self::rate_limits).
#[derive(Clone)]
pub struct TtlStore {
    connection: RedisConnection,
    timeout: Duration,
}

impl TtlStore {
    /// Prepares the connection. The first operation makes it, so a service can start without Redis.
    ///
    /// Must be called in a tokio runtime.
    pub fn connect(settings: &Settings) -> Result<Self, SettingsError> {
        let timeout = settings
            .response_timeout
            .to_std()
            .map_err(|_| SettingsError::ResponseTimeout)?;
        Ok(Self {
            connection: RedisConnection::new(settings, timeout)?,
            timeout,
        })
    }

    /// Checks that Redis responds.
    pub async fn ping(&self) -> Result<(), TtlError> {
        self.command::<()>(&redis::cmd("PING")).await
    }

    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, TtlError> {
        let mut connection = self.connection.clone();
        let span = span(name_of(command));
        self.bounded(command.query_async(&mut connection))
            .instrument(span)
            .await
    }

    /// Runs a script. Loads it first if the server does not have it.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, TtlError> {
        let mut connection = self.connection.clone();
        self.bounded(script.invoke_async(&mut connection))
            .instrument(span("EVALSHA"))
            .await
    }

    async fn bounded<T>(
        &self,
        operation: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, TtlError> {
        if let Ok(result) = timeout(self.timeout, operation).await {
            return result.map_err(TtlError::from);
        }
        self.connection.timed_out();
        Err(TtlError::Unavailable)
    }
}

/// The span of a command. Its name is also the metric of its duration. It contains no key and no value.
fn span(name: &str) -> Span {
    tracing::info_span!(
        "db.client.operation.duration",
        otel.name = name,
        otel.kind = "client",
        db.system.name = "redis",
        db.operation.name = name,
    )
}

/// The name of a command of this crate.
fn name_of(command: &Cmd) -> &str {
    let first = command.args_iter().next();
    match first {
        Some(redis::Arg::Simple(name)) => std::str::from_utf8(name).unwrap_or_default(),
        _ => "",
    }
}

impl fmt::Debug for TtlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TtlStore")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
