//! The system as its real processes, for what only processes show: kills, signals, logs, exits.

use std::path::PathBuf;

use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::redis;
use aikagi_devkit::system::{Adjust, Database, Options, System};
use aikagi_fixtures::TestDatabase;
use aikagi_tests::edge::{Files, Ivr, Operator, Site, connect};
use sqlx::PgPool;
use tonic::transport::Channel;

/// The executables of this build: `cargo xtask test` makes them before it runs the tests.
pub(crate) fn binaries() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().to_owned()
}

/// A running system of processes; it stops when it is dropped.
pub(crate) struct Live {
    // Dropped in this order: the system before its database and its directory.
    pub(crate) system: System,
    database: Option<TestDatabase>,
    _dir: tempfile::TempDir,
}

impl Live {
    /// Starts everything on a test database, in its own directory, and waits until it is ready.
    pub(crate) async fn start(
        replicas: &[(Service, u16)],
        adjust: Adjust,
        environment: Vec<(String, String)>,
    ) -> Self {
        let database = TestDatabase::new().await.unwrap();
        let mut live = Self::start_with(replicas, adjust, database.shared(), environment);
        live.database = Some(database);
        live
    }

    /// The same on another database.
    pub(crate) fn start_with(
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

    /// Starts everything as the options say it, and waits until it is ready. The directory goes with it.
    pub(crate) fn run(dir: tempfile::TempDir, options: &Options) -> Self {
        let system = System::start(options, |_| {}).unwrap();
        Self {
            system,
            database: None,
            _dir: dir,
        }
    }

    /// A pool of connections to the test database, as the superuser.
    pub(crate) async fn ledger(&self) -> PgPool {
        self.database.as_ref().unwrap().pool().await.unwrap()
    }

    /// A channel to the gateway's private port, as a workload.
    pub(crate) fn private_as(&self, name: &str) -> Channel {
        let identity = self.system.identity(name).unwrap();
        let files = Files {
            certificate: identity.certificate,
            key: identity.key,
        };
        let port = self.system.ports(Service::Gateway)[0].private.unwrap();
        self.channel(port, Some(&files))
    }

    /// A subscriber's client.
    pub(crate) fn site(&self) -> Site {
        Site::new(self.channel(self.system.ports(Service::Gateway)[0].main, None))
    }

    /// An IVR platform.
    pub(crate) fn ivr(&self) -> Ivr {
        Ivr::new(self.private_as("ivr"))
    }

    /// An operator.
    pub(crate) fn operator(&self) -> Operator {
        Operator::new(self.private_as("operator"))
    }

    fn channel(&self, port: u16, files: Option<&Files>) -> Channel {
        let url = format!("https://127.0.0.1:{port}");
        connect(&url, &self.system.authority.certificate(), files).unwrap()
    }
}

/// Hashing that is cheap but takes a moment, limits per address that no test reaches, and deadlines that a busy
/// machine keeps.
pub(crate) fn light(service: Service, _replica: u16, table: &mut toml::Table) {
    if let Some(server) = table.get_mut("server").and_then(toml::Value::as_table_mut) {
        server.insert("deadline".into(), "1m".into());
    }
    if let Some(hashing) = table.get_mut("hashing").and_then(toml::Value::as_table_mut) {
        hashing.insert("memory_kib".into(), 2048.into());
        hashing.insert("iterations".into(), 1.into());
        hashing.insert("queue".into(), 1024.into());
    }
    if service == Service::Gateway {
        let limits = "[attempts]\nburst = 100000\nperiod = \"1s\"";
        let limits: toml::Table = toml::from_str(limits).unwrap();
        table.insert("limits".into(), limits.into());
    }
}
