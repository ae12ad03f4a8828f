//! All services in this process, with real TLS on loopback, a new database and Redis, and a clock that the test sets.
//! To let time pass, a test moves this clock and does not sleep.

use std::collections::BTreeMap;
use std::sync::Arc;

use aikagi_authentication::Authentication;
use aikagi_client::samples::{CONTRACT, FIRST, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED};
use aikagi_client::{Backend, Files, Ivr, Operator, Site, connect};
use aikagi_devkit::installation::certificates::{Authority, Identity};
use aikagi_devkit::installation::key_files::{KeyFile, ensure_key_files};
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::ports::Ports;
use aikagi_devkit::settings::{Login, ServiceEnvironment, settings};
use aikagi_fixtures::{TestDatabase, TestRedis};
use aikagi_mesh::clock::ManualClock;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::shutdown::Shutdown;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use tokio::net::TcpListener;
use toml::Table;
use tonic::transport::Channel;

/// The differences between a system and the default one.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of replicas of each service. A service that is not listed has one.
    pub replicas: BTreeMap<Service, usize>,
    /// Changes a service's settings.
    pub adjust: fn(Service, &mut Table),
    /// The superuser's URL of a separate PostgreSQL, for tests that stop it. `None` for the
    /// PostgreSQL that all tests share.
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

/// A running system. It stops when it is dropped.
pub struct InProcessSystem {
    /// The clock of every service.
    pub clock: Arc<ManualClock>,
    /// The database.
    pub database: TestDatabase,
    /// Redis.
    pub redis: TestRedis,
    /// The authority that issued all certificates.
    pub authority: Authority,
    /// The authentication replicas, to count hashes.
    pub authentication: Vec<Authentication>,
    /// The addresses of each service's replicas. For the edge: its public port.
    pub addresses: BTreeMap<Service, Vec<String>>,
    dir: tempfile::TempDir,
    shutdown: Shutdown,
}

impl InProcessSystem {
    /// Starts the default system and adds two lines.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// Starts a system with this number of authentication replicas and adds two lines.
    pub async fn with_authentication(replicas: usize) -> Self {
        let replicas = BTreeMap::from([(Service::Authentication, replicas)]);
        Self::with(Options {
            replicas,
            ..Options::default()
        })
        .await
    }

    /// Starts a system with options and adds two lines.
    pub async fn with(options: Options) -> Self {
        let system = Self::try_with(options).await.expect("the system starts");
        let operator = system.operator();
        let line = [
            (CONTRACT, false),
            (FIRST, true),
            (SECOND, true),
            (UNSUBSCRIBED, false),
        ];
        operator.add_line(&line).await.expect("the line is added");
        operator
            .add_line(&[(STRANGER, true)])
            .await
            .expect("the other line is added");
        system
    }

    async fn try_with(options: Options) -> Result<Self> {
        // If RUST_LOG is set, a failing test shows the services' logs.
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
        ensure_key_files(dir.path())?;

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
        let start = DateTime::from_timestamp(1_800_000_000, 0)
            .context("the start of the clock is out of range")?;
        let mut system = Self {
            clock: ManualClock::at(start),
            database,
            redis,
            authority,
            authentication: Vec::new(),
            addresses,
            dir,
            shutdown: Shutdown::new(),
        };
        for (service, listeners) in listeners {
            for listener in listeners {
                system.serve(service, listener, &options).await?;
            }
        }
        Ok(system)
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
            Service::Edge => {
                let health = TcpListener::bind("127.0.0.1:0").await?;
                let port = health.local_addr()?.port();
                let (settings, context) = self.settings(service, main, Some(port), options)?;
                let aikagi_gateway::Settings::Edge(settings) = settings else {
                    bail!("the settings are not the edge's");
                };
                let listeners = aikagi_gateway::EdgeListeners {
                    public: listener,
                    health,
                };
                tokio::spawn(aikagi_gateway::serve_edge(
                    *settings, context, listeners, clock,
                ));
            }
            Service::Gateway => {
                let (settings, context) = self.settings(service, main, None, options)?;
                let aikagi_gateway::Settings::Gateway(settings) = settings else {
                    bail!("the settings are not the gateway's");
                };
                tokio::spawn(aikagi_gateway::serve_gateway(settings, context, listener));
            }
        }
        Ok(())
    }

    fn settings<S: DeserializeOwned>(
        &self,
        service: Service,
        main: u16,
        health: Option<u16>,
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
            key_files: self.dir.path().to_owned(),
            addresses: self.addresses.clone(),
            pretty_logs: true,
        };
        let mut table = settings(service, Ports { main, health }, &environment)?;
        if let Some(hashing) = table.get_mut("hashing").and_then(toml::Value::as_table_mut) {
            // Argon2id with low cost: no rule depends on the cost.
            hashing.insert("memory_kib".into(), 64.into());
            hashing.insert("iterations".into(), 1.into());
            hashing.insert("queue".into(), 1024.into());
        }
        if service == Service::Edge {
            // All requests come from one address, so the limits for an address are high. Tests of
            // LOGIN-8 and LOGIN-9 lower them again.
            let plenty: Table = toml::from_str("burst = 100000\nperiod = \"1s\"")?;
            let mut limits = Table::new();
            limits.insert("attempts_at_number".into(), plenty.clone().into());
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

    /// The path of the key ring.
    pub fn key_ring(&self) -> std::path::PathBuf {
        self.dir.path().join(KeyFile::KeyRing.file_name())
    }

    /// Issues a certificate for a workload, inside or outside.
    pub fn identity(&self, name: &str) -> Result<Identity> {
        self.authority.issue(name, &["localhost"])
    }

    /// The present moment of the services' clock.
    pub fn now(&self) -> DateTime<Utc> {
        aikagi_mesh::clock::Clock::now(&*self.clock)
    }

    /// Moves the services' clock forward.
    pub fn wait(&self, time: TimeDelta) {
        self.clock.step(time);
    }

    /// A subscriber's client.
    pub fn site(&self) -> Site {
        let address = &self.addresses[&Service::Edge][0];
        let channel = connect(
            &format!("https://{address}"),
            &self.authority.certificate(),
            None,
        );
        Site::new(channel.expect("the channel is created"))
    }

    /// The addresses of the gateways' private ports.
    pub fn gateways(&self) -> &[String] {
        &self.addresses[&Service::Gateway]
    }

    /// A channel to the private port of the first gateway, with the identity of a workload.
    pub fn private_as(&self, name: &str) -> Channel {
        self.replica_as(Service::Gateway, 0, name)
    }

    /// A channel to one replica of a service, with the identity of a workload.
    pub fn replica_as(&self, service: Service, replica: usize, name: &str) -> Channel {
        let identity = self.identity(name).expect("the certificate is issued");
        let files = Files {
            certificate: identity.certificate,
            key: identity.key,
        };
        let url = format!("https://{}", self.addresses[&service][replica]);
        connect(&url, &self.authority.certificate(), Some(&files)).expect("the channel is created")
    }

    /// A client of an IVR platform.
    pub fn ivr(&self) -> Ivr {
        Ivr::new(self.private_as("ivr"))
    }

    /// A client of an operator.
    pub fn operator(&self) -> Operator {
        Operator::new(self.private_as("operator"))
    }

    /// A client of a settings back end.
    pub fn backend(&self) -> Backend {
        Backend::new(self.private_as("backend"))
    }

    /// Connections to the database as its owner.
    pub async fn ledger(&self) -> PgPool {
        self.database.pool().await.expect("the database responds")
    }

    /// A connection to Redis as its administrator.
    pub async fn redis_connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.redis.administrator_url()).expect("the URL is valid");
        client
            .get_multiplexed_async_connection()
            .await
            .expect("Redis responds")
    }

    /// The actors of the audit events with this action, in their order.
    pub async fn actors(&self, action: &str) -> Vec<String> {
        sqlx::query_scalar("SELECT actor FROM audit_events WHERE action = $1 ORDER BY event_id")
            .bind(action)
            .fetch_all(&self.ledger().await)
            .await
            .unwrap()
    }

    /// The number of passwords that the authentication replicas have hashed, including decoys.
    pub fn hashes(&self) -> u64 {
        self.authentication
            .iter()
            .map(|replica| replica.pool().count())
            .sum()
    }

    /// Sets a temporary password in a call without mistakes.
    pub async fn set_by_telephone(
        &self,
        caller: &str,
        unit_key: &str,
        target: &str,
        password: &str,
    ) {
        let outcome = self
            .ivr()
            .set_by_telephone(caller, unit_key, target, password)
            .await;
        assert_eq!(
            outcome.expect("every turn succeeds"),
            aikagi_api::issuance::v1::CallOutcome::Set
        );
    }

    /// Gives an account a permanent password: by a call, a login and the forced change.
    pub async fn establish(&self, caller: &str, unit_key: &str, account: &str, permanent: &str) {
        self.set_by_telephone(caller, unit_key, account, TEMPORARY)
            .await;
        let session = self
            .site()
            .login(account, TEMPORARY)
            .await
            .expect("the temporary password logs in");
        session
            .change(TEMPORARY, permanent)
            .await
            .expect("the password changes")
            .expect("the session continues");
    }
}

impl Drop for InProcessSystem {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}
