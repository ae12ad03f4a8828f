//! A private PostgreSQL: a cluster of our own in a directory, run by us and stopped with us.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::command::{find, run, signal, spawn, stop, tied, wait_until};
use crate::install::postgres_programs;
use crate::paths::{private_directory, short_hash, socket_directory, tail, write_private};

/// The cluster's superuser.
pub const SUPERUSER: &str = "postgres";
/// The environment variable with the URL of a superuser, for tests.
pub const TEST_POSTGRES: &str = "AIKAGI_TEST_POSTGRES";
const MAX_CONNECTIONS: u16 = 300;
/// What the socket is named after when the cluster has no TCP port.
const SOCKET_PORT: u16 = 5432;
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The ledger's migrations in this repository.
pub fn migrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ledger/migrations")
}

/// The files of the ledger's migrations, in the order in which they are run.
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

/// How a cluster is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep data through a crash of the machine. Without it a run is faster; `synchronous_commit` is on
    /// either way (INV-4).
    pub durable: bool,
    /// Listen on loopback too; otherwise on a socket in the directory only.
    pub port: Option<u16>,
    /// Roles need their password over TCP. Without it everyone is believed, which is for tests.
    pub passwords: bool,
}

/// A running cluster; dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    home: Home,
    sockets: PathBuf,
    options: Options,
    child: Option<Child>,
}

impl Cluster {
    /// Makes a cluster in `dir` if there is none, runs it and waits until it accepts connections.
    ///
    /// A server that an earlier, killed run left behind in the same directory is stopped first.
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

    /// A URL for `user` at `database`: over TCP when the cluster has a port, else over its socket.
    pub fn url(&self, database: &str, user: &str) -> String {
        match self.options.port {
            Some(port) => format!("postgres://{user}@127.0.0.1:{port}/{database}"),
            None => self.socket_url(database, user),
        }
    }

    /// A URL over the socket. Whoever may enter its directory is believed to be anyone.
    pub fn socket_url(&self, database: &str, user: &str) -> String {
        let port = self.options.port.unwrap_or(SOCKET_PORT);
        let sockets = percent_encode(&self.sockets);
        format!("postgres://{user}@localhost:{port}/{database}?host={sockets}")
    }

    /// Runs a file of statements as the superuser, all of it or nothing.
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

    /// Where the server writes its log.
    pub fn log(&self) -> PathBuf {
        self.home.dir.join("postgres.log")
    }

    /// Stops the server: connections are cut, what was committed is on disk.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            stop(&mut child, Signal::SIGINT, STOP_LIMIT);
        }
    }

    /// Starts the server again after [`Cluster::stop`].
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        self.run()
    }

    /// The server has not ended by itself.
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
        // INT is its fast stop: it cuts connections and writes a checkpoint.
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
        // Parameters are secrets and numbers (INV-8).
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

/// As whom the server runs, and where its files are.
#[derive(Debug)]
struct Home {
    dir: PathBuf,
    programs: PathBuf,
    user: User,
}

/// PostgreSQL refuses to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    /// We are not root.
    Ourselves,
    /// In a user namespace where our root is called nobody.
    Namespace,
    /// As the user that Debian's package makes.
    Package,
}

const NAMESPACE: [&str; 4] = [
    "unshare",
    "--user",
    "--map-user=nobody",
    "--map-group=nogroup",
];
const PACKAGE: [&str; 5] = [
    "setpriv",
    "--reuid=postgres",
    "--regid=postgres",
    "--clear-groups",
    "--",
];

impl Home {
    fn find(dir: &Path) -> Result<Self> {
        let programs = postgres_programs()
            .context("PostgreSQL 15 or newer is not installed (`cargo xtask up` installs it)")?;
        let dir = private_directory(dir)?
            .canonicalize()
            .with_context(|| format!("cannot read {}", dir.display()))?;
        let user = if !nix::unistd::geteuid().is_root() {
            User::Ourselves
        } else if works(&NAMESPACE, &["true"]) {
            User::Namespace
        } else if works(&PACKAGE, &["true"]) {
            User::Package
        } else {
            bail!("PostgreSQL does not run as root, and neither unshare nor setpriv works here");
        };
        let dir = if user == User::Package {
            reachable_for_package(dir)?
        } else {
            dir
        };
        Ok(Self {
            dir,
            programs,
            user,
        })
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn socket_directory(&self) -> Result<PathBuf> {
        let sockets = socket_directory(&self.dir)?;
        self.hand_over(&sockets)?;
        Ok(sockets)
    }

    /// A command for one of PostgreSQL's programs as the right user, tied to us by `signal` if given.
    fn command(&self, program: &str, signal: Option<&str>) -> Command {
        let program = self.programs.join(program);
        let prefix: &[&str] = match self.user {
            User::Ourselves => &[],
            User::Namespace => &NAMESPACE,
            User::Package => &PACKAGE,
        };
        // The tie comes last: changing the user unties.
        let inner = match signal {
            Some(signal) => tied(program, signal),
            None => Command::new(program),
        };
        let Some((first, rest)) = prefix.split_first() else {
            return inner;
        };
        let mut command = Command::new(first);
        command
            .args(rest)
            .arg(inner.get_program())
            .args(inner.get_args());
        command
    }

    fn write(&self, path: &Path, text: &str) -> Result<()> {
        write_private(path, text.as_bytes())?;
        self.hand_over(path)
    }

    fn hand_over(&self, path: &Path) -> Result<()> {
        if self.user == User::Package {
            run(Command::new("chown").arg("postgres:postgres").arg(path))?;
        }
        Ok(())
    }

    /// The server itself says in its lock file when it accepts connections.
    fn is_ready(&self, pid: u32) -> bool {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        lines.next() == Some(pid.to_string().as_str())
            && lines.nth(6).is_some_and(|status| status.trim() == "ready")
    }

    /// Removes the lock of a server that is gone. One that still runs on our directory is stopped.
    fn clear_stale_lock(&self) -> Result<()> {
        let lock = self.data().join("postmaster.pid");
        let Ok(text) = std::fs::read_to_string(&lock) else {
            return Ok(());
        };
        if let Some(pid) = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse::<u32>().ok())
            && self.runs_here(pid)
        {
            signal(pid, Signal::SIGINT);
            if !wait_until(STOP_LIMIT, || !self.runs_here(pid)) {
                bail!(
                    "another PostgreSQL (process {pid}) uses {}",
                    self.dir.display()
                );
            }
        }
        let _ = std::fs::remove_file(lock);
        Ok(())
    }

    /// The process is a PostgreSQL server on our directory, and not somebody who got its number since.
    fn runs_here(&self, pid: u32) -> bool {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let data = self.data();
        arguments
            .split(|byte| *byte == 0)
            .any(|part| part == data.as_os_str().as_encoded_bytes())
    }
}

/// Where the package's user can reach the cluster: `dir`, or a directory of its own when a directory
/// above (such as root's home) is closed to it.
fn reachable_for_package(dir: PathBuf) -> Result<PathBuf> {
    let dir = if works(
        &PACKAGE,
        &[
            "test",
            "-x",
            &dir.parent().unwrap_or(&dir).to_string_lossy(),
        ],
    ) {
        dir
    } else {
        private_directory(&Path::new("/var/tmp").join(format!("aikagi-{}", short_hash(&dir))))?
    };
    // Root itself, who made it, goes on being able to use it.
    run(Command::new("chown").arg("postgres:postgres").arg(&dir))?;
    Ok(dir)
}

fn works(prefix: &[&str], command: &[&str]) -> bool {
    prefix.split_first().is_some_and(|(first, rest)| {
        find(first).is_some() && run(Command::new(first).args(rest).args(command)).is_ok()
    })
}

fn host_based_access(options: Options) -> String {
    let method = if options.passwords {
        "scram-sha-256"
    } else {
        "trust"
    };
    // Who can reach the socket is us: its directory is closed to others.
    format!("local all all trust\nhost all all 127.0.0.1/32 {method}\n")
}

/// Encodes everything but letters and digits, for a query part of a URL.
fn percent_encode(path: &Path) -> String {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(String::new(), |mut text, byte| {
            if byte.is_ascii_alphanumeric() {
                text.push(char::from(*byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
            text
        })
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
    fn paths_are_encoded_for_urls() {
        assert_eq!(percent_encode(Path::new("/a b&c")), "%2Fa%20b%26c");
    }
}
