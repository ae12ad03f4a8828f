//! All services in this process, over real TLS on loopback, on a database and a Redis of the test's own,
//! with a clock that the test sets. Nothing sleeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use aikagi_authentication::Authentication;
use aikagi_devkit::installation::certificates::{Authority, Identity};
use aikagi_devkit::installation::key_ring::ensure_key_ring;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::ports::Ports;
use aikagi_devkit::settings::{Login, ServiceEnvironment, settings};
use aikagi_fixtures::{TestDatabase, TestRedis};
use aikagi_mesh::clock::ManualClock;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::shutdown::Shutdown;
use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use tokio::net::TcpListener;
use toml::Table;
use tonic::Status;
use tonic::transport::Channel;

use crate::edge::{Backend, Files, Ivr, Operator, Site, connect};

/// The demo line of most tests: the contract number, two subscribed additional numbers, one that is not.
pub const CONTRACT: &str = "0312340001";
/// A subscribed additional number.
pub const FIRST: &str = "0312340002";
/// Another.
pub const SECOND: &str = "0312340003";
/// An additional number without the option service.
pub const UNSUBSCRIBED: &str = "0312340004";
/// A number of another line, subscribed.
pub const STRANGER: &str = "0451110001";
/// A number on no line.
pub const NOBODY: &str = "0669990000";
/// A temporary password.
pub const TEMPORARY: &str = "48151623";
/// Another.
pub const OTHER_TEMPORARY: &str = "27182818";
/// A permanent password.
pub const PERMANENT: &str = "Abc12345";
/// Another.
pub const OTHER_PERMANENT: &str = "Xyz98765";

/// How a world differs from the usual one.
#[derive(Debug, Clone)]
pub struct Options {
    /// Replicas of a service; one where nothing is said.
    pub replicas: BTreeMap<Service, usize>,
    /// Changes a service's settings.
    pub adjust: fn(Service, &mut Table),
    /// The superuser's URL of another PostgreSQL than the one that all tests share, for those that stop it.
    pub postgres: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            replicas: BTreeMap::new(),
            adjust: |_, _| {},
            postgres: None,
        }
    }
}

/// A running system; it stops when it is dropped.
pub struct World {
    /// The clock of every service.
    pub clock: Arc<ManualClock>,
    /// The database.
    pub database: TestDatabase,
    /// Redis.
    pub redis: TestRedis,
    /// Who vouches for every identity.
    pub authority: Authority,
    /// The authentication replicas, to count hashes.
    pub authentication: Vec<Authentication>,
    /// Where each service's replicas listen; of the gateway, the public port.
    pub addresses: BTreeMap<Service, Vec<String>>,
    /// The gateways' private ports.
    pub private: Vec<String>,
    dir: tempfile::TempDir,
    shutdown: Shutdown,
}

impl World {
    /// The usual world, with two lines.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// A world with so many authentication replicas.
    pub async fn with_authentication(replicas: usize) -> Self {
        let replicas = BTreeMap::from([(Service::Authentication, replicas)]);
        Self::with(Options {
            replicas,
            ..Options::default()
        })
        .await
    }

    /// A world that differs.
    pub async fn with(options: Options) -> Self {
        let world = Self::try_with(options).await.expect("the world starts");
        let operator = world.operator();
        let line = [
            (CONTRACT, false),
            (FIRST, true),
            (SECOND, true),
            (UNSUBSCRIBED, false),
        ];
        operator.add_line(&line).await.expect("a line");
        operator
            .add_line(&[(STRANGER, true)])
            .await
            .expect("another line");
        world
    }

    async fn try_with(options: Options) -> Result<Self> {
        // With RUST_LOG set a failing test shows what the services logged.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_test_writer()
            .try_init();
        let dir = tempfile::tempdir()?;
        let database = match &options.postgres {
            Some(url) => TestDatabase::at(url).await?,
            None => TestDatabase::new().await?,
        };
        let redis = TestRedis::start()?;
        let authority = Authority::open(&dir.path().join("certificates"))?;
        ensure_key_ring(&dir.path().join("key-ring.toml"))?;

        let mut listeners = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for service in Service::ALL {
            let replicas = options.replicas.get(&service).copied().unwrap_or(1);
            for _ in 0..replicas {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?;
                addresses
                    .entry(service)
                    .or_insert_with(Vec::new)
                    .push(address.to_string());
                listeners
                    .entry(service)
                    .or_insert_with(Vec::new)
                    .push(listener);
            }
        }
        let start = DateTime::from_timestamp(1_800_000_000, 0).context("a date")?;
        let mut world = Self {
            clock: ManualClock::at(start),
            database,
            redis,
            authority,
            authentication: Vec::new(),
            addresses,
            private: Vec::new(),
            dir,
            shutdown: Shutdown::new(),
        };
        for (service, listeners) in listeners {
            for listener in listeners {
                world.serve(service, listener, &options).await?;
            }
        }
        Ok(world)
    }

    async fn serve(
        &mut self,
        service: Service,
        listener: TcpListener,
        options: &Options,
    ) -> Result<()> {
        let (clock, shutdown) = (self.clock.clone(), self.shutdown.clone());
        let main = listener.local_addr()?.port();
        match service {
            Service::Units => {
                let (settings, context) = self.settings(service, main, None, options)?;
                let units = aikagi_units::Units::new(&settings, clock, shutdown)?;
                tokio::spawn(async move { units.serve(&settings, context, listener).await });
            }
            Service::Authentication => {
                let (settings, context) = self.settings(service, main, None, options)?;
                let authentication = Authentication::new(&settings, clock, shutdown)?;
                self.authentication.push(authentication.clone());
                tokio::spawn(authentication.serve(context, listener));
            }
            Service::Password => {
                let (settings, context) = self.settings(service, main, None, options)?;
                let password = aikagi_password::Password::new(&settings, &context, clock)?;
                tokio::spawn(password.serve(context, listener));
            }
            Service::Issuance => {
                let (settings, context) = self.settings(service, main, None, options)?;
                let issuance = aikagi_issuance::Issuance::new(&settings, clock, shutdown)?;
                tokio::spawn(issuance.serve(context, listener));
            }
            Service::Gateway => {
                let private = TcpListener::bind("127.0.0.1:0").await?;
                let private_port = private.local_addr()?.port();
                self.private.push(format!("127.0.0.1:{private_port}"));
                let (settings, context) =
                    self.settings(service, main, Some(private_port), options)?;
                let listeners = aikagi_gateway::Listeners {
                    public: listener,
                    private,
                };
                tokio::spawn(aikagi_gateway::serve(settings, context, listeners, clock));
            }
        }
        Ok(())
    }

    fn settings<S: DeserializeOwned>(
        &self,
        service: Service,
        main: u16,
        private: Option<u16>,
        options: &Options,
    ) -> Result<(S, ServiceContext)> {
        let environment = ServiceEnvironment {
            identity: self.identity(service.name())?,
            postgres: service.postgres_role().map(|role| Login {
                url: self.database.url_as(role),
                password_file: None,
            }),
            redis: service.redis_user().map(|user| Login {
                url: self.redis.url(user),
                password_file: None,
            }),
            key_ring: self.dir.path().join("key-ring.toml"),
            addresses: self.addresses.clone(),
            pretty_logs: true,
        };
        let mut table = settings(service, Ports { main, private }, &environment)?;
        if let Some(hashing) = table.get_mut("hashing").and_then(toml::Value::as_table_mut) {
            // Real Argon2id, made cheap: the rules do not depend on its cost.
            hashing.insert("memory_kib".into(), 64.into());
            hashing.insert("iterations".into(), 1.into());
            hashing.insert("queue".into(), 1024.into());
        }
        if service == Service::Gateway {
            // LOGIN-8 has tests of its own; all others come from one address.
            let plenty: Table = toml::from_str("burst = 100000\nperiod = \"1s\"")?;
            let mut limits = Table::new();
            limits.insert("attempts".into(), plenty.into());
            table.insert("limits".into(), limits.into());
        }
        (options.adjust)(service, &mut table);
        let file = self
            .dir
            .path()
            .join(format!("{}-{main}.toml", service.name()));
        std::fs::write(&file, table.to_string())?;
        let (common, settings) = aikagi_mesh::config::load(&file)?;
        Ok((
            settings,
            ServiceContext::new(&common, self.shutdown.clone())?,
        ))
    }

    /// Where the key ring is.
    pub fn key_ring(&self) -> std::path::PathBuf {
        self.dir.path().join("key-ring.toml")
    }

    /// The certificate of a workload, inside or outside.
    pub fn identity(&self, name: &str) -> Result<Identity> {
        self.authority.issue(name, &["localhost"])
    }

    /// The present moment of every service.
    pub fn now(&self) -> DateTime<Utc> {
        aikagi_mesh::clock::Clock::now(&*self.clock)
    }

    /// Lets time pass.
    pub fn wait(&self, time: TimeDelta) {
        self.clock.step(time);
    }

    /// A subscriber's client.
    pub fn site(&self) -> Site {
        let address = &self.addresses[&Service::Gateway][0];
        let channel = connect(
            &format!("https://{address}"),
            &self.authority.certificate(),
            None,
        );
        Site::new(channel.expect("a channel"))
    }

    /// A channel to the gateway's private port, as a workload.
    pub fn private_as(&self, name: &str) -> Channel {
        let identity = self.identity(name).expect("an identity");
        let files = Files {
            certificate: identity.certificate,
            key: identity.key,
        };
        let url = format!("https://{}", self.private[0]);
        connect(&url, &self.authority.certificate(), Some(&files)).expect("a channel")
    }

    /// A channel to one replica of a service, as a workload.
    pub fn replica_as(&self, service: Service, replica: usize, name: &str) -> Channel {
        let identity = self.identity(name).expect("an identity");
        let files = Files {
            certificate: identity.certificate,
            key: identity.key,
        };
        let url = format!("https://{}", self.addresses[&service][replica]);
        connect(&url, &self.authority.certificate(), Some(&files)).expect("a channel")
    }

    /// An IVR platform.
    pub fn ivr(&self) -> Ivr {
        Ivr::new(self.private_as("ivr"))
    }

    /// An operator.
    pub fn operator(&self) -> Operator {
        Operator::new(self.private_as("operator"))
    }

    /// A settings back end.
    pub fn backend(&self) -> Backend {
        Backend::new(self.private_as("backend"))
    }

    /// The database, as its owner.
    pub async fn ledger(&self) -> PgPool {
        self.database.pool().await.expect("the database")
    }

    /// Redis, as an administrator.
    pub async fn redis_connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.redis.administrator_url()).expect("a URL");
        client
            .get_multiplexed_async_connection()
            .await
            .expect("Redis answers")
    }

    /// Passwords that all authentication replicas have looked at, decoys included.
    pub fn hashes(&self) -> u64 {
        self.authentication
            .iter()
            .map(|replica| replica.pool().count())
            .sum()
    }

    /// Sets a temporary password by telephone, as somebody who makes no mistake.
    pub async fn telephone(&self, caller: &str, unit_key: &str, target: &str, password: &str) {
        let outcome = self
            .ivr()
            .set_by_telephone(caller, unit_key, target, password)
            .await;
        assert_eq!(
            outcome.expect("answered"),
            aikagi_api::issuance::v1::CallOutcome::Set
        );
    }

    /// Gives an account a permanent password: by telephone, login and the forced change.
    pub async fn establish(&self, caller: &str, unit_key: &str, account: &str, permanent: &str) {
        self.telephone(caller, unit_key, account, TEMPORARY).await;
        let session = self
            .site()
            .login(account, TEMPORARY)
            .await
            .expect("the temporary password opens");
        session
            .change(TEMPORARY, permanent)
            .await
            .expect("changed")
            .expect("the session goes on");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// The reason in a refusal.
pub fn reason(status: &Status) -> &'static str {
    aikagi_refusal::reason_of(status).map_or("none", aikagi_refusal::name_of)
}

/// The reason why a call was refused; it must have been.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> &'static str {
    reason(&answer.expect_err("refused"))
}
