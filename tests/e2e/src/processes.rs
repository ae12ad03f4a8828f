//! The system as real processes, for tests of kills, signals, logs and exit codes.

use std::path::PathBuf;

use aikagi_client::{Files, Ivr, Operator, Site, connect};
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::redis;
use aikagi_devkit::system::{Adjust, Database, Options, System};
use aikagi_fixtures::TestDatabase;
use sqlx::PgPool;
use tonic::transport::Channel;

/// The directory of this build's executables. `cargo xtask test` builds them before it runs the tests.
pub fn binaries() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().to_owned()
}

/// A running system of processes. It stops when it is dropped.
pub struct ProcessSystem {
    // Fields are dropped in this order: the processes before their database and their directory.
    /// The processes.
    pub processes: System,
    database: Option<TestDatabase>,
    _dir: tempfile::TempDir,
}

impl ProcessSystem {
    /// Starts a system on a test database in a new directory, and waits until it is ready.
    pub async fn start(
        replicas: &[(Service, u16)],
        adjust: Adjust,
        environment: Vec<(String, String)>,
    ) -> Self {
        let database = TestDatabase::new().await.unwrap();
        let mut system = Self::start_with(replicas, adjust, database.shared(), environment);
        system.database = Some(database);
        system
    }

    /// Starts a system on the given database in a new directory, and waits until it is ready.
    pub fn start_with(
        replicas: &[(Service, u16)],
        adjust: Adjust,
        database: Database,
        environment: Vec<(String, String)>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            database,
            redis: redis::Options::default(),
            replicas: replicas.iter().copied().collect(),
            adjust,
            environment,
            ..Options::apart(dir.path().to_owned(), &binaries(), false).unwrap()
        };
        Self::run(dir, &options)
    }

    /// Starts a system with these options and waits until it is ready. `dir` is removed with the system.
    pub fn run(dir: tempfile::TempDir, options: &Options) -> Self {
        let processes = System::start(options, |_| {}).unwrap();
        Self {
            processes,
            database: None,
            _dir: dir,
        }
    }

    /// Connections to the test database as the superuser.
    pub async fn ledger(&self) -> PgPool {
        self.database.as_ref().unwrap().pool().await.unwrap()
    }

    /// A channel to the private port of the first gateway, with the identity of a workload.
    pub fn private_as(&self, name: &str) -> Channel {
        let identity = self.processes.identity(name).unwrap();
        let files = Files {
            certificate: identity.certificate,
            key: identity.key,
        };
        let port = self.processes.ports(Service::Gateway)[0].main;
        self.channel(port, Some(&files))
    }

    /// A subscriber's client.
    pub fn site(&self) -> Site {
        Site::new(self.channel(self.processes.ports(Service::Edge)[0].main, None))
    }

    /// A client of an IVR platform.
    pub fn ivr(&self) -> Ivr {
        Ivr::new(self.private_as("ivr"))
    }

    /// A client of an operator.
    pub fn operator(&self) -> Operator {
        Operator::new(self.private_as("operator"))
    }

    fn channel(&self, port: u16, files: Option<&Files>) -> Channel {
        let url = format!("https://127.0.0.1:{port}");
        connect(&url, &self.processes.authority.certificate(), files).unwrap()
    }
}

/// Adjusts a service's settings for tests: cheap hashes that still take some time, a limit per
/// address that no test reaches, and deadlines that a busy machine meets.
pub fn light(service: Service, _replica: u16, table: &mut toml::Table) {
    if let Some(server) = table.get_mut("server").and_then(toml::Value::as_table_mut) {
        server.insert("deadline".into(), "1m".into());
    }
    if let Some(hashing) = table.get_mut("hashing").and_then(toml::Value::as_table_mut) {
        hashing.insert("memory_kib".into(), 2048.into());
        hashing.insert("iterations".into(), 1.into());
        hashing.insert("queue".into(), 1024.into());
    }
    if service == Service::Edge {
        let plenty: toml::Table = toml::from_str("burst = 100000\nperiod = \"1s\"").unwrap();
        let mut limits = toml::Table::new();
        limits.insert("attempts_at_number".into(), plenty.clone().into());
        limits.insert("attempts".into(), plenty.into());
        table.insert("limits".into(), limits.into());
    }
}
