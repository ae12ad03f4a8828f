//! Child processes of this repository's own programs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::command::{self, spawn, tied, wait_until};
use crate::paths::tail;
use crate::ports;

/// How many lines of its log tell why a process died.
const LAST_WORDS: usize = 20;
const POLL: Duration = Duration::from_millis(100);

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Program {
    /// What people call it, such as `authentication` or `authentication-2`.
    pub name: String,
    /// The executable.
    pub binary: PathBuf,
    /// Its settings file.
    pub config: PathBuf,
    /// Where its log goes; appended to.
    pub log: PathBuf,
    /// The loopback port that it will listen on.
    pub port: u16,
    /// Variables of its environment beside ours.
    pub environment: Vec<(String, String)>,
}

/// A running service; dropping it stops it.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Child,
}

impl Process {
    /// Starts a service. It may take a moment until it is ready.
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

    /// Waits until the service listens and says itself that it is ready.
    ///
    /// Fails with the end of its log when it dies or is not ready in time.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<()> {
        let start = std::time::Instant::now();
        while start.elapsed() < limit {
            if !self.alive() {
                bail!("{} died:\n{}", self.program.name, self.last_words());
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

    /// The service's own check of itself (`healthcheck`) succeeds.
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

    /// What is run.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// It has not ended.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        tail(&self.program.log, LAST_WORDS)
    }

    /// Asks it to finish what it does and end; kills it after `grace`.
    pub fn stop(&mut self, grace: Duration) {
        command::stop(&mut self.child, Signal::SIGTERM, grace);
    }

    /// Only asks it to end; [`Process::stop`] then waits for that.
    pub fn ask_to_stop(&mut self) {
        if self.alive() {
            command::signal(self.child.id(), Signal::SIGTERM);
        }
    }

    /// Kills it without warning.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, after a stop or a kill.
    pub fn restart(&mut self) -> Result<()> {
        self.kill9();
        *self = Self::start(self.program.clone())?;
        Ok(())
    }

    /// Waits for its end.
    pub fn wait_end(&mut self, limit: Duration) -> bool {
        wait_until(limit, || !self.alive())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(5));
    }
}

/// The executable of a package in the directory where cargo puts this build's.
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
    fn one_that_dies_tells_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Process::start(program(dir.path(), "echo no such key; exit 2")).unwrap();
        let error = process
            .wait_ready(Duration::from_secs(20))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("units died") && error.contains("no such key"),
            "{error}"
        );
    }

    #[test]
    fn one_that_does_not_hear_is_killed() {
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
