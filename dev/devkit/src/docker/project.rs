//! The system that `docker-compose.yml` describes, as a project of docker compose.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_installation::files::private_directory;
use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command::{self, show};
use crate::docker::engine::Engine;
use crate::repo::Repo;
use crate::system_file::{self, IdentityFiles, SystemFile};

/// Debian's bundle of certificates. Every build gets the bundle: behind a proxy with a private
/// authority, a download needs it.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The edge's public port in its container.
const PUBLIC_PORT: u16 = 8443;
/// The gateway's private port in its container.
const PRIVATE_PORT: u16 = 8444;

/// A project of docker compose.
#[derive(Clone)]
pub struct Project<'a> {
    /// The engine that runs the project.
    pub engine: &'a Engine,
    /// The repository with the compose files.
    pub repo: &'a Repo,
    name: &'a str,
    /// `docker-compose.yml` and its overlays.
    files: Vec<&'a str>,
    /// Variables that override the variables of `.env`.
    environment: Vec<(&'a str, String)>,
}

/// A container of a service.
#[derive(Clone, Debug)]
pub struct Container {
    /// The container's name.
    pub name: String,
    /// The process id, on this machine, of the container's first process. 0 while no process runs.
    pub pid: u32,
    /// The container's addresses, one in each of its networks.
    pub addresses: Vec<IpAddr>,
    /// True while the container's health check succeeds.
    pub healthy: bool,
}

impl<'a> Project<'a> {
    /// The project of this name.
    pub fn new(engine: &'a Engine, repo: &'a Repo, name: &'a str) -> Self {
        let mut environment = Vec::new();
        if Path::new(BUNDLE).is_file() {
            environment.push(("AIKAGI_BUILD_CERTIFICATES", BUNDLE.to_owned()));
        }
        Self {
            engine,
            repo,
            name,
            files: vec!["docker-compose.yml"],
            environment,
        }
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, variable: &'a str, value: impl Into<String>) -> Self {
        self.environment.push((variable, value.into()));
        self
    }

    /// The same project with overlays (compose files that change `docker-compose.yml`).
    #[must_use]
    pub fn over(&self, files: &[&'a str]) -> Self {
        let mut over = self.clone();
        over.files.extend(files);
        over
    }

    /// A `docker compose` command for this project.
    pub fn compose(&self, arguments: &[&str]) -> Command {
        let mut command = self.engine.docker();
        command.arg("compose").args(["--project-name", self.name]);
        for file in &self.files {
            command.args(["--file", file]);
        }
        command
            .args(arguments)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .current_dir(&self.repo.root);
        command
    }

    /// Runs a `docker compose` command that prints its own output.
    pub fn run(&self, arguments: &[&str]) -> Result<()> {
        let what = format!("docker compose {}", arguments.join(" "));
        show(&mut self.compose(arguments), &what)
    }

    /// Runs a `docker compose` command and returns its output.
    pub fn ask(&self, arguments: &[&str]) -> Result<String> {
        command::run(&mut self.compose(arguments))
    }

    /// Removes the containers and the data of the project, including those of earlier overlays.
    pub fn remove(&self) -> Result<()> {
        self.ask(&[
            "--profile=*",
            "down",
            "--volumes",
            "--remove-orphans",
            "--timeout=10",
        ])?;
        // `down` does not remove volumes that only an overlay declares. If they stayed, a
        // later standby of PostgreSQL would start with the data of an earlier one.
        let filter = format!("label=com.docker.compose.project={}", self.name);
        let list = ["volume", "ls", "--quiet", "--filter", &filter];
        let volumes = self.engine.ask(&list)?;
        for volume in volumes.lines() {
            self.engine.ask(&["volume", "rm", volume])?;
        }
        Ok(())
    }

    /// The running containers of a service, sorted by name.
    pub fn containers(&self, service: &str) -> Result<Vec<Container>> {
        let ids = self.ask(&["ps", "--quiet", service])?;
        let mut found = ids
            .lines()
            .map(|id| self.inspect(id))
            .collect::<Result<Vec<_>>>()?;
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    fn inspect(&self, id: &str) -> Result<Container> {
        let text = self.engine.ask(&["inspect", id])?;
        let [inspected]: [Inspected; 1] = serde_json::from_str(&text)
            .with_context(|| format!("cannot parse the description of {id}"))?;
        Ok(Container {
            name: inspected.name.trim_start_matches('/').to_owned(),
            pid: inspected.state.pid,
            healthy: inspected
                .state
                .health
                .is_some_and(|health| health.status == "healthy"),
            addresses: inspected
                .network_settings
                .networks
                .values()
                .filter_map(|network| network.ip_address.parse().ok())
                .collect(),
        })
    }

    /// The published public ports of the edges, and the published private ports of the gateways.
    pub fn published(&self) -> Result<(Vec<u16>, Vec<u16>)> {
        let ports = |service: &str, port: u16| -> Result<Vec<u16>> {
            let asked = |container: &Container| {
                self.engine
                    .ask(&["port", &container.name, &format!("{port}/tcp")])
            };
            self.containers(service)?
                .iter()
                .map(|container| {
                    let answer = asked(container)?;
                    let first = answer.lines().next().unwrap_or_default();
                    let number = first.rsplit(':').next();
                    number
                        .and_then(|number| number.parse::<u16>().ok())
                        .with_context(|| format!("no published port: {answer}"))
                })
                .collect()
        };
        Ok((ports("edge", PUBLIC_PORT)?, ports("gateway", PRIVATE_PORT)?))
    }

    /// Copies the identities of the outside workloads to `directory`, and writes `state.json` there
    /// for edges and gateways on these ports. Returns the path of `state.json`.
    pub fn write_system_file(
        &self,
        directory: &Path,
        public: &[u16],
        private: &[u16],
    ) -> Result<PathBuf> {
        let directory = private_directory(directory)?;
        let outside = directory.join("outside");
        let _ = std::fs::remove_dir_all(&outside);
        let to = outside.to_string_lossy();
        self.ask(&["cp", "secrets:/secrets/outside", &to])
            .context("cannot copy the identities of the outside workloads")?;
        let urls = |ports: &[u16]| {
            ports
                .iter()
                .map(|port| format!("https://127.0.0.1:{port}"))
                .collect()
        };
        let file = SystemFile::of_outside_ports(
            urls(public),
            urls(private),
            outside.join("authorities.pem"),
            |name| IdentityFiles::in_directory(&outside, name),
            directory.join("logs"),
        );
        let path = directory.join(system_file::NAME);
        file.write(&path)?;
        Ok(path)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    name: String,
    state: Running,
    network_settings: Networks,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Running {
    pid: u32,
    health: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Networks {
    networks: std::collections::BTreeMap<String, Attached>,
}

#[derive(Deserialize)]
struct Attached {
    #[serde(rename = "IPAddress")]
    ip_address: String,
}
