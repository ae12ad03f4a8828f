//! The Docker engine: the engine of this machine, or an engine that this program starts and stops.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aikagi_installation::files::private_directory;
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::console::Console;
use crate::install::{self, Tool};
use crate::paths::tail;
use crate::repo::Repo;
use crate::{command, debian};

mod bridges;

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// The plugins of Docker's command line. Debian's packages have the same names.
const PLUGINS: [&str; 2] = ["docker-compose", "docker-buildx"];
/// The directory of the plugin in each of these packages.
const PLUGIN_DIRECTORY: &str = "usr/libexec/docker/cli-plugins";

/// A running engine. Dropping it stops an engine that [`Engine::find`] started.
pub struct Engine {
    /// The configuration directory of Docker's command line, with the plugins.
    config: PathBuf,
    started: Option<Child>,
}

impl Engine {
    /// Finds the engine of this machine, or starts one, which needs root and Debian's `docker.io`.
    /// Installs `docker compose` if it is missing. Fails if this machine cannot run containers.
    pub fn find(repo: &Repo, console: Console) -> Result<Self> {
        let home = private_directory(&repo.target.join("docker"))?;
        let config = private_directory(&repo.target.join("tools/docker"))?;
        let mut engine = Self {
            config,
            started: None,
        };
        if !engine.answers() {
            engine.started =
                Some(start(&home, &engine, console).context("cannot start a Docker engine")?);
        }
        engine.ensure_compose(&home, console)?;
        Ok(engine)
    }

    /// A `docker` command.
    pub fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command
            .env("DOCKER_CONFIG", &self.config)
            .env("DOCKER_BUILDKIT", "1");
        command
    }

    /// Runs a `docker` command and returns its output; fails when the command fails.
    pub fn ask(&self, arguments: &[&str]) -> Result<String> {
        Ok(command::run(self.docker().args(arguments))?
            .trim_end()
            .to_owned())
    }

    fn answers(&self) -> bool {
        self.ask(&["version", "--format", "{{.Server.Version}}"])
            .is_ok()
    }

    /// If this machine has no `docker compose`, downloads it from Debian, with the builder that it
    /// needs. The packages are from a release after Debian 12. In Debian 12, `up --wait` fails when
    /// a one-shot job has ended.
    fn ensure_compose(&self, home: &Path, console: Console) -> Result<()> {
        if self.ask(&["compose", "version"]).is_ok() {
            return Ok(());
        }
        console.step("downloading docker compose from Debian");
        let packages = private_directory(&home.join("packages"))?;
        let tree = debian::unpack(&packages, &PLUGINS)?;
        let plugins = private_directory(&self.config.join("cli-plugins"))?;
        for name in PLUGINS {
            std::fs::copy(tree.join(PLUGIN_DIRECTORY).join(name), plugins.join(name))
                .with_context(|| format!("{name} is not in its package"))?;
        }
        let _ = std::fs::remove_dir_all(&packages);
        self.ask(&["compose", "version"]).map(|_| ())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(child) = &mut self.started {
            command::stop(child, Signal::SIGTERM, STOP_LIMIT);
        }
    }
}

/// Starts an engine with its data under `home`.
fn start(home: &Path, engine: &Engine, console: Console) -> Result<Child> {
    if !nix::unistd::geteuid().is_root() {
        bail!("only root can start an engine");
    }
    install::ensure(&[Tool::Docker], console)?;
    if engine.answers() {
        bail!("Debian's package has started an engine: run this command again");
    }
    bridges::remove_stale()?;
    console.step("starting a Docker engine");
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
