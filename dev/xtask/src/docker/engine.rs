//! The Docker engine: the one that runs on this machine, or one of our own for as long as it is needed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aikagi_devkit::command;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::paths::{private_directory, tail};
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::bases::{self, Base};
use crate::debian;
use crate::repo::Repo;
use crate::say::Say;

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Where those plugins are in their packages.
const PLUGINS: &str = "usr/libexec/docker/cli-plugins";

/// An engine that answers; one of our own stops when this is dropped.
pub(crate) struct Engine {
    /// Docker's own configuration directory, with the plugins.
    config: PathBuf,
    own: Option<Child>,
}

impl Engine {
    /// The engine of this machine, else one of our own, which needs root and Debian's `docker.io`; with these bases,
    /// and seen to run the first of them. None, with the reason said loudly, where this machine cannot have that.
    pub(crate) fn find(repo: &Repo, say: Say, bases: &[Base]) -> Option<Self> {
        Self::prepare(repo, say, bases)
            .inspect_err(|error| {
                say.warning(&format!(
                    "NOTHING WAS TRIED WITH CONTAINERS: this machine cannot run them: {error:#}"
                ));
            })
            .ok()
    }

    fn prepare(repo: &Repo, say: Say, bases: &[Base]) -> Result<Self> {
        let home = private_directory(&repo.target.join("docker"))?;
        let config = private_directory(&repo.target.join("tools/docker"))?;
        let mut engine = Self { config, own: None };
        if !engine.answers() {
            engine.own = Some(start(&home, &engine, say).context("no Docker engine")?);
        }
        engine.ensure_compose(&home, say)?;
        bases::ensure(&engine, repo, say, bases)?;
        if let Some(first) = bases.first() {
            engine.ask(&["run", "--rm", "--memory=64m", first.name(), "true"])?;
        }
        Ok(engine)
    }

    /// A `docker` command.
    pub(crate) fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command
            .env("DOCKER_CONFIG", &self.config)
            .env("DOCKER_BUILDKIT", "1");
        command
    }

    /// What a `docker` command answers; an error when it fails.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<String> {
        Ok(command::run(self.docker().args(arguments))?
            .trim_end()
            .to_owned())
    }

    fn answers(&self) -> bool {
        self.ask(&["version", "--format", "{{.Server.Version}}"])
            .is_ok()
    }

    /// `docker compose` and the builder that it needs, from Debian, where the machine has none that knows `up --wait`
    /// with one-shot jobs.
    fn ensure_compose(&self, home: &Path, say: Say) -> Result<()> {
        if self.ask(&["compose", "version"]).is_ok() {
            return Ok(());
        }
        say.step("fetching docker compose from Debian");
        let packages = private_directory(&home.join("packages"))?;
        let tree = debian::unpack(&packages, &["docker-compose", "docker-buildx"])?;
        let plugins = private_directory(&self.config.join("cli-plugins"))?;
        for name in ["docker-compose", "docker-buildx"] {
            std::fs::copy(tree.join(PLUGINS).join(name), plugins.join(name))
                .with_context(|| format!("{name} is not in its package"))?;
        }
        let _ = std::fs::remove_dir_all(&packages);
        self.ask(&["compose", "version"]).map(|_| ())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(child) = &mut self.own {
            command::stop(child, Signal::SIGTERM, STOP_LIMIT);
        }
    }
}

/// Starts an engine whose data is under `home`.
fn start(home: &Path, engine: &Engine, say: Say) -> Result<Child> {
    if !nix::unistd::geteuid().is_root() {
        bail!("that needs root");
    }
    install::ensure(&[Tool::Docker], |text| say.step(text))?;
    if engine.answers() {
        bail!("Debian's package has started one: run this again");
    }
    say.step("starting a Docker engine");
    let path = home.join("dockerd.log");
    let log = File::create(&path).context("cannot write the engine's log")?;
    let mut dockerd = command::tied("dockerd", "TERM");
    dockerd
        .arg("--data-root")
        .arg(home.join("data"))
        .arg("--pidfile")
        .arg(home.join("dockerd.pid"))
        .stdout(Stdio::from(
            log.try_clone().context("cannot open the log twice")?,
        ))
        .stderr(Stdio::from(log));
    let mut child = command::spawn(dockerd)?;
    let up = command::wait_until(START_LIMIT, || {
        !matches!(child.try_wait(), Ok(None)) || engine.answers()
    });
    if !up || !matches!(child.try_wait(), Ok(None)) {
        command::stop(&mut child, Signal::SIGTERM, STOP_LIMIT);
        bail!("dockerd did not start:\n{}", tail(&path, 10));
    }
    Ok(child)
}
