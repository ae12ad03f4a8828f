//! The store: a link with a limit on every operation.

use std::fmt;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, ScriptInvocation};
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use crate::call::Call;
use crate::link::Link;
use crate::rate::Rate;
use crate::sess::Sess;
use crate::temp::Temp;
use crate::{Settings, SettingsError, TtlError};

/// Redis, as one of its users. Clones share one connection.
#[derive(Clone)]
pub struct Store {
    link: Link,
    timeout: Duration,
}

impl Store {
    /// Prepares the connection; it is made with the first operation, so a service starts while Redis is away.
    /// Has to be called inside a tokio runtime.
    pub fn connect(settings: &Settings) -> Result<Self, SettingsError> {
        let timeout = settings
            .response_timeout
            .to_std()
            .map_err(|_| SettingsError::ResponseTimeout)?;
        Ok(Self {
            link: Link::new(settings, timeout)?,
            timeout,
        })
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), TtlError> {
        self.command::<()>(&redis::cmd("PING")).await
    }

    /// Temporary passwords.
    pub fn temp(&self) -> Temp<'_> {
        Temp(self)
    }

    /// Call dialogs.
    pub fn call(&self) -> Call<'_> {
        Call(self)
    }

    /// Sessions.
    pub fn sess(&self) -> Sess<'_> {
        Sess(self)
    }

    /// Limits per address.
    pub fn rate(&self) -> Rate<'_> {
        Rate(self)
    }

    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, TtlError> {
        let mut link = self.link.clone();
        let span = span(name_of(command));
        self.bounded(command.query_async(&mut link))
            .instrument(span)
            .await
    }

    /// Runs a script, loading it first where it is not known yet.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, TtlError> {
        let mut link = self.link.clone();
        self.bounded(script.invoke_async(&mut link))
            .instrument(span("EVALSHA"))
            .await
    }

    async fn bounded<T>(
        &self,
        operation: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, TtlError> {
        if let Ok(answer) = timeout(self.timeout, operation).await {
            return answer.map_err(TtlError::from);
        }
        self.link.late();
        Err(TtlError::Unavailable)
    }
}

/// The span of a command, whose name is the metric that it is measured under. No key and no value is in it.
fn span(name: &str) -> Span {
    tracing::info_span!(
        "db.client.operation.duration",
        otel.name = name,
        otel.kind = "client",
        db.system.name = "redis",
        db.operation.name = name,
    )
}

/// A command's name. Each is one that this crate sends.
fn name_of(command: &Cmd) -> &str {
    let first = command.args_iter().next();
    match first {
        Some(redis::Arg::Simple(name)) => std::str::from_utf8(name).unwrap_or_default(),
        _ => "",
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
