//! The TTL store: a connection to Redis with a time limit for each operation.

use std::fmt;
use std::time::Duration;

use aikagi_domain::fault::{Dependency, Endpoint, ErrorType};
use redis::{Cmd, FromRedisValue, ScriptInvocation, Value};
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use crate::connection::RedisConnection;
use crate::error::{DEPENDENCY, TtlError, export_failures};
use crate::settings::{Settings, SettingsError};

/// The command that runs a script.
pub(crate) const EVALSHA: &str = "EVALSHA";

/// The commands of this crate, for telemetry.
const COMMANDS: [&str; 5] = ["HMGET", "DEL", "ZRANGE", "PING", "ROLE"];

/// Redis, with the rights of one user. Clones share one connection.
///
/// Each kind of value has a method that gives access to it: [`temporary_passwords`](Self::temporary_passwords),
/// [`calls`](Self::calls), [`sessions`](Self::sessions) and [`rate_limits`](Self::rate_limits).
#[derive(Clone)]
pub struct TtlStore {
    connection: RedisConnection,
    timeout: Duration,
    endpoint: Endpoint,
}

impl TtlStore {
    /// Prepares the connection. The first operation opens it, so a service can start without Redis.
    ///
    /// Must be called in a tokio runtime.
    pub fn connect(settings: &Settings) -> Result<Self, SettingsError> {
        let timeout = settings
            .response_timeout
            .to_std()
            .map_err(|_| SettingsError::ResponseTimeout)?;
        export_failures();
        Ok(Self {
            connection: RedisConnection::new(settings, timeout)?,
            timeout,
            endpoint: settings.endpoint(),
        })
    }

    /// Checks that Redis responds.
    pub async fn ping(&self) -> Result<(), TtlError> {
        self.command::<()>(&redis::cmd("PING")).await
    }

    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, TtlError> {
        let mut connection = self.connection.clone();
        let name = name_of(command);
        self.bounded(name, command.query_async(&mut connection))
            .instrument(span(name))
            .await
    }

    /// Runs a script. Loads it first if the server does not have it.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, TtlError> {
        let mut connection = self.connection.clone();
        self.bounded(EVALSHA, script.invoke_async(&mut connection))
            .instrument(span(EVALSHA))
            .await
    }

    async fn bounded<T>(
        &self,
        name: &'static str,
        operation: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, TtlError> {
        if let Ok(result) = timeout(self.timeout, operation).await {
            return result.map_err(|error| TtlError::of(&error, name));
        }
        self.connection.timed_out();
        Err(TtlError::late(name))
    }
}

/// The span of a command. The span's name is the name of the metric that measures it. The span contains no key and no
/// value.
fn span(name: &'static str) -> Span {
    tracing::info_span!(
        "db.client.operation.duration",
        otel.name = name,
        otel.kind = "client",
        db.system.name = "redis",
        db.operation.name = name,
    )
}

/// The name of a command of this crate.
fn name_of(command: &Cmd) -> &'static str {
    let first = match command.args_iter().next() {
        Some(redis::Arg::Simple(name)) => name,
        _ => b"",
    };
    COMMANDS
        .into_iter()
        .find(|name| name.as_bytes() == first)
        .unwrap_or("other")
}

impl Dependency for TtlStore {
    type Error = TtlError;

    fn name(&self) -> &str {
        DEPENDENCY
    }

    fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// Fails if Redis does not respond, or accepts no changes.
    async fn check(&self) -> Result<(), TtlError> {
        self.ping().await?;
        // In a Cluster the check may reach a replica, so the role says nothing about the Cluster.
        if self.connection.is_cluster() {
            return Ok(());
        }
        let role: Vec<Value> = self.command(&redis::cmd("ROLE")).await?;
        let is_master = matches!(role.first(), Some(Value::BulkString(role)) if role == b"master");
        if is_master {
            return Ok(());
        }
        // Sentinel may have a new master.
        self.connection.timed_out();
        Err(TtlError::counted(ErrorType::ReadOnly.into(), "ROLE"))
    }
}

impl fmt::Debug for TtlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TtlStore")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
