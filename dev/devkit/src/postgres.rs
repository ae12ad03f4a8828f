//! A private PostgreSQL: a cluster in a directory, whose server stops with this process.

mod home;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, percent_encode};

use crate::command::{run, signal, spawn, stop, wait_until};
use crate::paths::tail;
use home::Home;

/// The cluster's superuser.
pub const SUPERUSER: &str = "postgres";
/// The environment variable with the URL of a superuser, for tests.
pub const TEST_POSTGRES: &str = "AIKAGI_TEST_POSTGRES";
const MAX_CONNECTIONS: u16 = 300;
/// The port in the socket's name, when the cluster has no TCP port.
const SOCKET_PORT: u16 = 5432;
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The directory of the ledger's schema migrations.
pub fn migrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/ledger/migrations")
}

/// The files of the ledger's schema migrations, in the order in which they run.
pub fn migration_files() -> Result<Vec<PathBuf>> {
    let migrations = migrations();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&migrations)
        .with_context(|| format!("cannot read {}", migrations.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "sql"))
        .collect();
    files.sort();
    Ok(files)
}

/// Options of a cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// If true, commits survive a crash of the machine. If false, a run is faster.
    /// `synchronous_commit` is on in both cases (INV-4).
    pub durable: bool,
    /// Listen on this loopback port, too. None: only on a socket in the directory.
    pub port: Option<u16>,
    /// If true, roles need their passwords over TCP. If false, which is for tests, every connection
    /// may use every role.
    pub passwords: bool,
}

/// A running cluster. It stops when this value is dropped.
#[derive(Debug)]
pub struct Cluster {
    home: Home,
    sockets: PathBuf,
    options: Options,
    child: Option<Child>,
}

impl Cluster {
    /// Creates a cluster in `dir` if it does not exist, starts it and waits until it accepts connections.
    ///
    /// If an earlier run was killed and left a server in this directory, stops that server first.
    pub fn start(dir: &Path, options: Options) -> Result<Self> {
        let home = Home::find(dir)?;
        let mut cluster = Self {
            sockets: home.socket_directory()?,
            home,
            options,
            child: None,
        };
        if !cluster.home.data().join("PG_VERSION").is_file() {
            cluster.initialise()?;
        }
        cluster.run()?;
        Ok(cluster)
    }

    /// The URL of `database` for `user`: over TCP if the cluster has a port, else over its socket.
    pub fn url(&self, database: &str, user: &str) -> String {
        match self.options.port {
            Some(port) => format!("postgres://{user}@127.0.0.1:{port}/{database}"),
            None => self.socket_url(database, user),
        }
    }

    /// The URL over the socket. Only root and the system user that runs the server can enter the socket's directory. So
    /// the server asks for no password.
    pub fn socket_url(&self, database: &str, user: &str) -> String {
        let port = self.options.port.unwrap_or(SOCKET_PORT);
        let sockets = encode_path(&self.sockets);
        format!("postgres://{user}@localhost:{port}/{database}?host={sockets}")
    }

    /// Runs a file of statements as the superuser, in one transaction.
    pub fn run_file(&self, database: &str, file: &Path) -> Result<()> {
        self.psql(
            database,
            &["--single-transaction", "--file", &file.to_string_lossy()],
        )
    }

    /// Runs one statement as the superuser.
    pub fn run_statement(&self, database: &str, statement: &str) -> Result<()> {
        self.psql(database, &["--command", statement])
    }

    fn psql(&self, database: &str, arguments: &[&str]) -> Result<()> {
        let mut psql = Command::new(self.home.programs.join("psql"));
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
        ])
        .arg(self.socket_url(database, SUPERUSER))
        .args(arguments);
        run(&mut psql).map(|_| ())
    }

    /// The file of the server's log.
    pub fn log(&self) -> PathBuf {
        self.home.dir.join("postgres.log")
    }

    /// Stops the server. The server first closes its connections and writes all commits to disk.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            stop(&mut child, Signal::SIGINT, STOP_LIMIT);
        }
    }

    /// Kills every process of the server at the same moment, as a crash of its machine would.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            let id = child.id();
            let children = format!("/proc/{id}/task/{id}/children");
            let children = std::fs::read_to_string(children).unwrap_or_default();
            let children: Vec<u32> = children
                .split_ascii_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect();
            let _ = child.kill();
            for id in &children {
                signal(*id, Signal::SIGKILL);
            }
            let _ = child.wait();
            // Until the processes of the killed server have ended, a new server would find the shared memory in use.
            wait_until(STOP_LIMIT, || {
                let ended = |id: &u32| !Path::new(&format!("/proc/{id}")).exists();
                children.iter().all(ended)
            });
        }
    }

    /// Starts the server again after [`Cluster::stop`] or [`Cluster::kill9`].
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        self.run()
    }

    /// Restarts the server as a standby of nobody. It can only be read until [`Cluster::promote`].
    pub fn demote(&mut self) -> Result<()> {
        self.stop();
        self.home
            .write(&self.home.data().join("standby.signal"), "")?;
        self.run()
    }

    /// Makes the server a primary again after [`Cluster::demote`], and waits until it can be written.
    pub fn promote(&self) -> Result<()> {
        self.run_statement("postgres", "SELECT pg_promote()")
    }

    /// True if the server is running.
    pub fn alive(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn initialise(&self) -> Result<()> {
        let mut initdb = self.home.command("initdb", None);
        initdb
            .arg("--pgdata")
            .arg(self.home.data())
            .args(["--username", SUPERUSER, "--auth", "trust"])
            .args([
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
                "--no-instructions",
            ]);
        if !self.options.durable {
            initdb.arg("--no-sync");
        }
        run(&mut initdb).context("cannot make a PostgreSQL cluster")?;
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        self.home.clear_stale_lock()?;
        let data = self.home.data();
        self.home
            .write(&data.join("pg_hba.conf"), &host_based_access(self.options))?;
        self.home
            .write(&data.join("postgresql.auto.conf"), &self.configuration())?;
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .with_context(|| format!("cannot open {}", self.log().display()))?;
        // SIGINT is the fast shutdown: the server closes its connections and writes a checkpoint.
        let mut server = self.home.command("postgres", Some("INT"));
        server
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::from(
                log.try_clone().context("cannot open the log twice")?,
            ))
            .stderr(Stdio::from(log));
        let mut child = spawn(server)?;
        let ready = wait_until(START_LIMIT, || {
            !matches!(child.try_wait(), Ok(None)) || self.home.is_ready(child.id())
        });
        if !ready || !self.home.is_ready(child.id()) {
            stop(&mut child, Signal::SIGQUIT, STOP_LIMIT);
            bail!("PostgreSQL did not start:\n{}", tail(&self.log(), 15));
        }
        self.child = Some(child);
        Ok(())
    }

    fn configuration(&self) -> String {
        let Options { durable, port, .. } = self.options;
        let switch = if durable { "on" } else { "off" };
        let mut text = String::from("# Written at each start.\n");
        let mut set = |key: &str, value: &str| {
            let _ = writeln!(text, "{key} = '{}'", value.replace('\'', "''"));
        };
        set(
            "listen_addresses",
            if port.is_some() { "127.0.0.1" } else { "" },
        );
        set("port", &port.unwrap_or(SOCKET_PORT).to_string());
        set("unix_socket_directories", &self.sockets.to_string_lossy());
        set("max_connections", &MAX_CONNECTIONS.to_string());
        set("synchronous_commit", "on");
        set("fsync", switch);
        set("full_page_writes", switch);
        set("log_timezone", "UTC");
        set("timezone", "UTC");
        // Parameters are secrets and telephone numbers (INV-8).
        set("log_parameter_max_length", "0");
        set("log_parameter_max_length_on_error", "0");
        text
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn host_based_access(options: Options) -> String {
    let method = if options.passwords {
        "scram-sha-256"
    } else {
        "trust"
    };
    // Only root and the system user that runs the server can enter the directory of the socket.
    format!("local all all trust\nhost all all 127.0.0.1/32 {method}\n")
}

/// A path in which every byte that is not a letter or a digit is encoded, for the query of a URL.
fn encode_path(path: &Path) -> PercentEncode<'_> {
    percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_starts_stops_and_survives_a_stale_lock() {
        let dir = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::start(dir.path(), Options::default()).unwrap();
        assert!(cluster.alive());
        cluster.stop();
        assert!(!cluster.alive());
        let lock = cluster.home.data().join("postmaster.pid");
        std::fs::write(&lock, "1\n").unwrap();
        cluster.restart().unwrap();
        assert!(cluster.alive());
        drop(cluster);
        let cluster = Cluster::start(dir.path(), Options::default()).unwrap();
        let url = cluster.url("postgres", "aikagi_units");
        assert!(url.starts_with("postgres://aikagi_units@localhost:5432/postgres?host=%2F"));
    }

    #[test]
    fn a_killed_cluster_can_be_restarted() {
        let dir = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::start(dir.path(), Options::default()).unwrap();
        cluster
            .run_statement("postgres", "CREATE TABLE kept ()")
            .unwrap();
        cluster.kill9();
        assert!(!cluster.alive());
        cluster.restart().unwrap();
        cluster
            .run_statement("postgres", "SELECT FROM kept")
            .unwrap();
    }

    #[test]
    fn a_demoted_cluster_can_only_be_read_until_its_promotion() {
        let dir = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::start(dir.path(), Options::default()).unwrap();
        let write = "CREATE TABLE written ()";
        cluster.demote().unwrap();
        cluster.run_statement("postgres", "SELECT 1").unwrap();
        cluster.run_statement("postgres", write).unwrap_err();
        cluster.promote().unwrap();
        cluster.run_statement("postgres", write).unwrap();
    }

    #[test]
    fn paths_are_encoded_for_urls() {
        assert_eq!(encode_path(Path::new("/a b&c")).to_string(), "%2Fa%20b%26c");
    }
}
