//! The services as child processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::command::{self, spawn, tied, wait_until};
use crate::paths::tail;
use crate::ports;

/// The number of lines of a process's log that an error shows.
const SHOWN_LINES: usize = 20;
const POLL: Duration = Duration::from_millis(100);

/// A program to run.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program's name in messages, such as `authentication` or `authentication-2`.
    pub name: String,
    /// The executable.
    pub binary: PathBuf,
    /// The program's settings file.
    pub config: PathBuf,
    /// The file to which the program's log is appended.
    pub log: PathBuf,
    /// The loopback port that the program will listen on.
    pub port: u16,
    /// Environment variables of the program, in addition to those of this process.
    pub environment: Vec<(String, String)>,
}

/// A running service. It stops when this value is dropped.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Child,
}

impl Process {
    /// Starts a service. It is not ready yet: see [`Process::wait_ready`].
    pub fn start(program: Program) -> Result<Self> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&program.log)
            .with_context(|| format!("cannot open {}", program.log.display()))?;
        let mut command = tied(&program.binary, "TERM");
        command
            .arg("--config")
            .arg(&program.config)
            .envs(program.environment.iter().map(|(key, value)| (key, value)))
            .stdout(Stdio::from(
                log.try_clone().context("cannot open the log twice")?,
            ))
            .stderr(Stdio::from(log));
        let child = spawn(command)?;
        Ok(Self { program, child })
    }

    /// Waits until the service listens and its health check succeeds.
    ///
    /// Fails if the service ends, or is not ready within `limit`. The error has the end of its log.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<()> {
        let start = std::time::Instant::now();
        while start.elapsed() < limit {
            if !self.alive() {
                bail!("{} ended:\n{}", self.program.name, self.last_words());
            }
            if ports::answers(self.program.port) && self.is_healthy() {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        bail!(
            "{} is not ready after {} s:\n{}",
            self.program.name,
            limit.as_secs(),
            self.last_words()
        )
    }

    /// True if the service's command `healthcheck` succeeds.
    pub fn is_healthy(&self) -> bool {
        let mut command = Command::new(&self.program.binary);
        command
            .arg("--config")
            .arg(&self.program.config)
            .arg("healthcheck")
            .envs(
                self.program
                    .environment
                    .iter()
                    .map(|(key, value)| (key, value)),
            );
        command::run(&mut command).is_ok()
    }

    /// The program that is running.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The service's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// True if the service has not ended.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines of the service's log.
    pub fn last_words(&self) -> String {
        tail(&self.program.log, SHOWN_LINES)
    }

    /// Sends SIGTERM. The service then completes its RPCs and ends. Kills the service if it has not
    /// ended after `grace`.
    pub fn stop(&mut self, grace: Duration) {
        command::stop(&mut self.child, Signal::SIGTERM, grace);
    }

    /// Sends SIGTERM and does not wait. [`Process::stop`] waits.
    pub fn ask_to_stop(&mut self) {
        if self.alive() {
            command::signal(self.child.id(), Signal::SIGTERM);
        }
    }

    /// Kills the service with SIGKILL.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Kills the service if it is running, and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        self.kill9();
        *self = Self::start(self.program.clone())?;
        Ok(())
    }

    /// Waits until the service has ended. Returns false if it has not ended within `limit`.
    pub fn wait_end(&mut self, limit: Duration) -> bool {
        wait_until(limit, || !self.alive())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(5));
    }
}

/// The path of an executable in the directory `binaries`. Fails if it is not built.
pub fn executable(binaries: &Path, name: &str) -> Result<PathBuf> {
    let file = binaries.join(name);
    if !file.is_file() {
        bail!(
            "{} is not built (`cargo build --workspace --bins`)",
            file.display()
        );
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn program(dir: &Path, script: &str) -> Program {
        let binary = dir.join("service");
        std::fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        Program {
            name: "units".to_owned(),
            binary,
            config: dir.join("units.toml"),
            log: dir.join("units.log"),
            port: ports::free().unwrap(),
            environment: vec![],
        }
    }

    #[test]
    fn the_error_of_a_process_that_ends_has_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Process::start(program(dir.path(), "echo no such key; exit 2")).unwrap();
        let error = process
            .wait_ready(Duration::from_secs(20))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("units ended") && error.contains("no such key"),
            "{error}"
        );
    }

    #[test]
    fn a_process_that_ignores_sigterm_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Process::start(program(
            dir.path(),
            "trap '' TERM; echo up; while :; do sleep 1; done",
        ))
        .unwrap();
        assert!(wait_until(Duration::from_secs(20), || process.last_words() == "up"));
        assert!(process.alive());
        process.stop(Duration::from_millis(50));
        assert!(!process.alive());
    }
}
