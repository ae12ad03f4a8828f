//! The user that runs a cluster's programs, and the directory of its files.

use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_installation::files::write_private;
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::STOP_LIMIT;
use crate::command::{find, run, signal, tied, wait_until};
use crate::install::postgres_programs;
use crate::paths::{cluster_directory, short_hash, socket_directory};

/// The user that runs the server, and the directories of its programs and files.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) dir: PathBuf,
    pub(super) programs: PathBuf,
    user: User,
}

/// The user that runs the server: PostgreSQL refuses to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    /// The user of this process, who is not root.
    Own,
    /// Root, who appears as `nobody` in a user namespace.
    Namespace,
    /// The user `postgres` of Debian's package.
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
    pub(super) fn find(dir: &Path) -> Result<Self> {
        let programs = postgres_programs()
            .context("PostgreSQL 15 or newer is not installed (`cargo xtask up` installs it)")?;
        let dir = cluster_directory(dir)?
            .canonicalize()
            .with_context(|| format!("cannot read {}", dir.display()))?;
        let user = if !nix::unistd::geteuid().is_root() {
            User::Own
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

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn socket_directory(&self) -> Result<PathBuf> {
        let sockets = socket_directory(&self.dir)?;
        self.hand_over(&sockets)?;
        Ok(sockets)
    }

    /// A command that runs one of PostgreSQL's programs as the user that runs the server. If `signal` is given, the
    /// program gets this signal when this process ends.
    pub(super) fn command(&self, program: &str, signal: Option<&str>) -> Command {
        let program = self.programs.join(program);
        let prefix: &[&str] = match self.user {
            User::Own => &[],
            User::Namespace => &NAMESPACE,
            User::Package => &PACKAGE,
        };
        // The signal is set after the change of the user, because that change clears it.
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

    pub(super) fn write(&self, path: &Path, text: &str) -> Result<()> {
        write_private(path, text.as_bytes())?;
        self.hand_over(path)
    }

    fn hand_over(&self, path: &Path) -> Result<()> {
        if self.user == User::Package {
            run(Command::new("chown").arg("postgres:postgres").arg(path))?;
        }
        Ok(())
    }

    /// True if the lock file of the server with this process id says that it accepts connections, at least for reads.
    pub(super) fn is_ready(&self, pid: u32) -> bool {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        lines.next() == Some(pid.to_string().as_str())
            && lines
                .nth(6)
                .is_some_and(|status| ["ready", "standby"].contains(&status.trim()))
    }

    /// Removes the lock file of an earlier server. If that server still runs on this directory,
    /// stops it first.
    pub(super) fn clear_stale_lock(&self) -> Result<()> {
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

    /// True if the process is a server on this directory. By now the id may belong to another
    /// process.
    fn runs_here(&self, pid: u32) -> bool {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let data = self.data();
        arguments
            .split(|byte| *byte == 0)
            .any(|part| part == data.as_os_str().as_encoded_bytes())
    }
}

/// A directory that the package's user can reach. This is `dir`, or a directory under /var/tmp if
/// the user cannot enter a directory above `dir`, such as root's home.
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
        cluster_directory(&Path::new("/var/tmp").join(format!("aikagi-{}", short_hash(&dir))))?
    };
    // Root can still use the directory.
    run(Command::new("chown").arg("postgres:postgres").arg(&dir))?;
    Ok(dir)
}

fn works(prefix: &[&str], command: &[&str]) -> bool {
    prefix.split_first().is_some_and(|(first, rest)| {
        find(first).is_some() && run(Command::new(first).args(rest).args(command)).is_ok()
    })
}
