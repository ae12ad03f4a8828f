//! One connection type for a stand-alone server, the master behind Sentinel, and a Cluster.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use redis::aio::{
    ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection,
};
use redis::cluster::{ClusterClientBuilder, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline,
    RedisFuture, RedisResult, ServerErrorKind, TlsMode, Value,
};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::settings::{Settings, SettingsError, read_password};

/// The number of commands that one connection can have in progress.
const PIPELINE: usize = 1024;
/// The TCP user timeout: a connection whose peer acknowledges no data for this long is closed.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
const SHORTEST_RECONNECT: Duration = Duration::from_millis(50);
const LONGEST_RECONNECT: Duration = Duration::from_millis(500);
/// The number of tries to reconnect. With their random pauses they end within 300 ms, before the operation times out.
/// So the operation fails with the cause of the lost connection, and not with a time-out.
const RECONNECTS: usize = 2;

/// A connection that is opened at its first use, and opened again after a loss.
#[derive(Clone)]
pub(crate) enum RedisConnection {
    Standalone(Arc<Standalone>),
    Sentinel(Arc<Sentinel>),
    Cluster(ClusterConnection),
}

impl RedisConnection {
    pub(crate) fn new(settings: &Settings, timeout: Duration) -> Result<Self, SettingsError> {
        if settings.url.contains('#') {
            return Err(SettingsError::Url(
                "a fragment such as `#insecure` is refused: certificates are always verified",
            ));
        }
        let password = settings
            .password_file
            .as_deref()
            .map(read_password)
            .transpose()?;
        let password = password.as_ref();
        if let Some(hosts) = Hosts::of(&settings.url, "sentinel")? {
            return Sentinel::new(&hosts, password, timeout).map(|s| Self::Sentinel(Arc::new(s)));
        }
        if let Some(hosts) = Hosts::of(&settings.url, "cluster")? {
            return cluster(&hosts, password, timeout).map(Self::Cluster);
        }
        Standalone::new(&settings.url, password, timeout).map(|s| Self::Standalone(Arc::new(s)))
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Reports that a response did not arrive in time.
    ///
    /// Behind Sentinel there may be a new master, so the next command asks the sentinels for it. The other kinds of
    /// connection detect a lost peer by themselves.
    pub(crate) fn timed_out(&self) {
        match self {
            RedisConnection::Standalone(_) | RedisConnection::Cluster(_) => {}
            RedisConnection::Sentinel(sentinel) => sentinel.forget(),
        }
    }
}

fn invalid<T>(result: RedisResult<T>) -> Result<T, SettingsError> {
    result.map_err(|_| SettingsError::Url("not a Redis URL"))
}

fn tcp() -> TcpSettings {
    TcpSettings::default()
        .set_nodelay(true)
        .set_user_timeout(USER_TIMEOUT)
}

fn info(url: &str, password: Option<&Zeroizing<String>>) -> Result<ConnectionInfo, SettingsError> {
    let info = invalid(url.into_connection_info())?;
    // Otherwise the driver sends its name to the server, and each user would need one more permission for that.
    let mut redis = info.redis_settings().clone().set_skip_set_lib_name();
    if let Some(password) = password {
        redis = redis.set_password(password.as_str());
    }
    Ok(info.set_redis_settings(redis).set_tcp_settings(tcp()))
}

/// A connection to one server.
pub(crate) struct Standalone {
    client: Client,
    config: ConnectionManagerConfig,
    current: StdMutex<ConnectionManager>,
}

impl Standalone {
    fn new(
        url: &str,
        password: Option<&Zeroizing<String>>,
        timeout: Duration,
    ) -> Result<Self, SettingsError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_min_delay(SHORTEST_RECONNECT)
            .set_max_delay(LONGEST_RECONNECT)
            .set_number_of_retries(RECONNECTS)
            .set_pipeline_buffer_size(PIPELINE);
        let client = invalid(Client::open(info(url, password)?))?;
        let manager = invalid(client.get_connection_manager_lazy(config.clone()))?;
        Ok(Self {
            client,
            config,
            current: StdMutex::new(manager),
        })
    }

    fn current(&self) -> ConnectionManager {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the result unchanged. The driver keeps a connection whose login failed, so it is replaced here.
    fn checked<T>(&self, result: RedisResult<T>) -> RedisResult<T> {
        if let Err(error) = &result
            && error.kind() == ErrorKind::AuthenticationFailed
            && let Ok(fresh) = self.client.get_connection_manager_lazy(self.config.clone())
        {
            *self.current.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        result
    }
}

fn cluster(
    hosts: &Hosts,
    password: Option<&Zeroizing<String>>,
    timeout: Duration,
) -> Result<ClusterConnection, SettingsError> {
    let nodes = hosts
        .urls
        .iter()
        .map(|url| info(url, password))
        .collect::<Result<Vec<_>, _>>()?;
    let client = ClusterClientBuilder::new(nodes)
        .connection_timeout(timeout)
        .response_timeout(timeout)
        .tcp_settings(tcp())
        .build();
    Ok(invalid(client)?.get_pending_async_connection_with_config(ClusterConfig::default()))
}

/// The servers of a URL with several hosts.
struct Hosts {
    /// One URL for each server.
    urls: Vec<String>,
    tls: bool,
    path: String,
}

impl Hosts {
    /// Reads `redis+{layout}://[user[:password]@]host[:port],…[/path]`. `None` if the scheme is another one.
    fn of(url: &str, layout: &str) -> Result<Option<Self>, SettingsError> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Ok(None);
        };
        let Some((base, found)) = scheme.split_once('+') else {
            return Ok(None);
        };
        if found != layout {
            return Ok(None);
        }
        let tls = match base {
            "redis" => false,
            "rediss" => true,
            _ => {
                return Err(SettingsError::Url(
                    "the scheme must begin with redis or rediss",
                ));
            }
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let at = if user.is_empty() { "" } else { "@" };
        let urls = hosts
            .split(',')
            .map(|host| format!("{base}://{user}{at}{host}"))
            .collect();
        Ok(Some(Self {
            urls,
            tls,
            path: path.to_owned(),
        }))
    }
}

/// The connection to the master that the sentinels name at present.
pub(crate) struct Sentinel {
    client: Mutex<SentinelClient>,
    config: AsyncConnectionConfig,
    current: StdMutex<Option<MultiplexedConnection>>,
}

impl Sentinel {
    fn new(
        hosts: &Hosts,
        password: Option<&Zeroizing<String>>,
        timeout: Duration,
    ) -> Result<Self, SettingsError> {
        if hosts.path.is_empty() {
            return Err(SettingsError::Url(
                "the name of the master is missing after the addresses of the sentinels",
            ));
        }
        let infos = hosts
            .urls
            .iter()
            .map(|url| info(url, password))
            .collect::<Result<Vec<_>, _>>()?;
        let addresses = infos.iter().map(|info| info.addr().clone());
        let mut builder = invalid(SentinelClientBuilder::new(
            addresses,
            &hosts.path,
            SentinelServerType::Master,
        ))?
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_sentinel_tcp_settings(tcp());
        // User and password are for the master. The connections to the sentinels do not use them.
        let user = infos.first().map(ConnectionInfo::redis_settings);
        if let Some(name) = user.and_then(|user| user.username()) {
            builder = builder.set_client_to_redis_username(name);
        }
        if let Some(password) = user.and_then(|user| user.password()) {
            builder = builder.set_client_to_redis_password(password);
        }
        if hosts.tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_tls_mode(TlsMode::Secure);
        }
        Ok(Self {
            client: Mutex::new(invalid(builder.build())?),
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(timeout))
                .set_response_timeout(Some(timeout))
                .set_pipeline_buffer_size(PIPELINE),
            current: StdMutex::new(None),
        })
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let mut client = self.client.lock().await;
        // Another task may have connected while this one waited for the lock.
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let connection = client
            .get_async_connection_with_config(&self.config)
            .await?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
        Ok(connection)
    }

    fn current(&self) -> Option<MultiplexedConnection> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn forget(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns the result unchanged. Drops the connection if it is lost, or if its server is no longer the master.
    fn checked<T>(&self, result: RedisResult<T>) -> RedisResult<T> {
        if let Err(error) = &result
            && (error.is_unrecoverable_error()
                || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly))
        {
            self.forget();
        }
        result
    }
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            RedisConnection::Standalone(server) => Box::pin(async move {
                let mut connection = server.current();
                server.checked(connection.req_packed_command(cmd).await)
            }),
            RedisConnection::Cluster(connection) => connection.req_packed_command(cmd),
            RedisConnection::Sentinel(sentinel) => Box::pin(async move {
                let mut connection = sentinel.connection().await?;
                sentinel.checked(connection.req_packed_command(cmd).await)
            }),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            RedisConnection::Standalone(server) => Box::pin(async move {
                let mut connection = server.current();
                server.checked(
                    connection
                        .req_packed_commands(pipeline, offset, count)
                        .await,
                )
            }),
            RedisConnection::Cluster(connection) => {
                connection.req_packed_commands(pipeline, offset, count)
            }
            RedisConnection::Sentinel(sentinel) => Box::pin(async move {
                let mut connection = sentinel.connection().await?;
                sentinel.checked(
                    connection
                        .req_packed_commands(pipeline, offset, count)
                        .await,
                )
            }),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            RedisConnection::Standalone(server) => server.current().get_db(),
            RedisConnection::Cluster(connection) => connection.get_db(),
            RedisConnection::Sentinel(_) => 0,
        }
    }
}
