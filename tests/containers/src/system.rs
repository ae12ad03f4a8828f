//! The system in containers: starts, inspects and changes it for the trials.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use aikagi_devkit::command::{show, wait_until};
use aikagi_devkit::console::Console;
use aikagi_devkit::docker::engine::Engine;
use aikagi_devkit::docker::images;
use aikagi_devkit::docker::project::Project;
use aikagi_devkit::ports;
use aikagi_devkit::process::executable;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;

/// The project's name. It differs from the name in a manual `docker compose up`.
pub(crate) const PROJECT: &str = "aikagi-test";
/// The tag of its images.
pub(crate) const TAG: &str = "test";

/// The services, the edge and the gateway last.
pub(crate) const SERVICES: [&str; 6] = [
    "authentication",
    "issuance",
    "password",
    "units",
    "edge",
    "gateway",
];
/// The services and the stores: every container that keeps running.
pub(crate) const RUNNING: [&str; 8] = [
    "postgres",
    "redis",
    "authentication",
    "units",
    "password",
    "issuance",
    "edge",
    "gateway",
];

/// The published ports of the edges and the gateways, for up to three replicas.
const PUBLIC_PORTS: [u16; 3] = [18443, 18444, 18445];
const PRIVATE_PORTS: [u16; 3] = [18453, 18454, 18455];
/// The published port of the softphone.
pub(crate) const SOFTPHONE_PORT: u16 = 18480;
/// The address of this machine at which Asterisk's ports are published. The program that makes the
/// test calls runs on this machine, so its calls also come from this address.
pub(crate) const SIP_ADDRESS: &str = "10.117.26.1";
/// The published port of Asterisk for SIP.
pub(crate) const SIP_PORT: u16 = 18560;
/// The first and the last published port of Asterisk for media.
pub(crate) const MEDIA_PORTS: (u16, u16) = (18600, 18639);

/// How long a trial waits until containers are healthy, and for other changes.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);
/// How long a service may take to stop, in seconds.
const STOP_SECONDS: &str = "--time=40";

/// The system in containers.
#[derive(Clone)]
pub(crate) struct ContainerSystem<'a> {
    pub(crate) repo: &'a Repo,
    pub(crate) console: Console,
    pub(crate) project: Project<'a>,
    /// Runs the clients.
    pub(crate) runtime: &'a Runtime,
    /// The executables that cargo built on this machine.
    pub(crate) binaries: PathBuf,
    /// True if the images compile their executables; false if they contain those of `binaries`.
    pub(crate) from_source: bool,
    /// The directory of `state.json`, of the outside workloads' identities, and of logs.
    pub(crate) home: PathBuf,
}

impl<'a> ContainerSystem<'a> {
    /// Removes the remains of an interrupted run, and prepares the images. Starts nothing yet.
    /// Fails if a port is in use.
    pub(crate) fn new(
        repo: &'a Repo,
        console: Console,
        engine: &'a Engine,
        runtime: &'a Runtime,
        from_source: bool,
    ) -> Result<Self> {
        let binaries = beside_this_program()?;
        let mut project = project(engine, repo);
        project.remove()?;
        for port in PUBLIC_PORTS.into_iter().chain(PRIVATE_PORTS) {
            ports::require_free(port, "the edge or the gateway")?;
        }
        ports::require_free(SOFTPHONE_PORT, "the softphone")?;
        if !from_source {
            console.step("copying this machine's executables for the images");
            images::prepare(repo, console, &binaries)?;
            project = project.with("AIKAGI_BINARIES", "prebuilt");
        }
        let home = repo.target.join("test/containers");
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(&home)
            .with_context(|| format!("cannot create {}", home.display()))?;
        Ok(Self {
            repo,
            console,
            project,
            runtime,
            binaries,
            from_source,
            home,
        })
    }

    /// Builds the images and starts everything.
    pub(crate) fn start(&self) -> Result<()> {
        let about = "builds the images and starts everything, until it is healthy";
        self.timed("up", about, |system| system.up(&["--build"]))
    }

    /// Runs a trial or the start of the system, and prints its name and how long it took.
    pub(crate) fn timed(
        &self,
        name: &str,
        about: &str,
        run: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<()> {
        self.console.heading(&format!("{name}: {about}"));
        let start = Instant::now();
        run(self).with_context(|| format!("trial {name}"))?;
        let took = start.elapsed().max(Duration::from_secs(1)).as_secs();
        self.console.step(&format!("{name} took {took} s"));
        Ok(())
    }

    /// The same system with overlays: compose files that change `docker-compose.yml`.
    pub(crate) fn over(&self, files: &[&'static str]) -> Self {
        Self {
            project: self.project.over(files),
            ..self.clone()
        }
    }

    /// Runs `docker compose up` with more arguments, and waits until everything is healthy.
    pub(crate) fn up(&self, more: &[&str]) -> Result<()> {
        let mut arguments = vec!["up", "--detach", "--wait", "--quiet-pull"];
        arguments.extend(more);
        self.project.run(&arguments)
    }

    /// Writes `state.json` with every port that an edge or a gateway may have, and returns its path.
    pub(crate) fn with_all_ports(&self) -> Result<PathBuf> {
        self.project
            .write_system_file(&self.home, &PUBLIC_PORTS, &PRIVATE_PORTS)
    }

    /// Writes `state.json` with the ports of the edges and gateways that run now, and returns its path.
    pub(crate) fn with_used_ports(&self) -> Result<PathBuf> {
        let (public, private) = self.project.published()?;
        self.project
            .write_system_file(&self.home, &public, &private)
    }

    /// Runs one of this build's executables with `state.json` of the edges and gateways that run now.
    pub(crate) fn run_program(&self, name: &str, arguments: &[&str]) -> Result<()> {
        let file = self.with_used_ports()?;
        let mut program = Command::new(executable(&self.binaries, name)?);
        program.args(arguments).arg("--state").arg(file);
        show(&mut program, name)
    }

    /// Scales every service to two replicas.
    pub(crate) fn scale_to_two(&self) -> Result<()> {
        let scales = SERVICES.map(|service| format!("{service}=2"));
        let mut arguments = vec!["--no-recreate"];
        for scale in &scales {
            arguments.extend(["--scale", scale]);
        }
        self.up(&arguments)
    }

    /// Restarts every replica of these services, one after the other.
    pub(crate) fn restart_each(&self, services: &[&str]) -> Result<()> {
        for service in services {
            for container in self.project.containers(service)? {
                let restart = ["restart", STOP_SECONDS, &container.name];
                self.project.engine.ask(&restart)?;
                self.wait_until_healthy(service)?;
            }
        }
        Ok(())
    }

    /// Stops a container and removes it.
    pub(crate) fn remove_container(&self, name: &str) -> Result<()> {
        let engine = self.project.engine;
        engine.ask(&["stop", STOP_SECONDS, name])?;
        engine.ask(&["rm", name]).map(|_| ())
    }

    /// Waits until every replica of a service is healthy.
    pub(crate) fn wait_until_healthy(&self, service: &str) -> Result<()> {
        let healthy = wait_until(LIMIT, || {
            let containers = self.project.containers(service).unwrap_or_default();
            !containers.is_empty() && containers.iter().all(|container| container.healthy)
        });
        ensure!(healthy, "{service} is not healthy after {LIMIT:?}");
        Ok(())
    }

    /// Waits until every replica of every service is healthy.
    pub(crate) fn wait_until_all_healthy(&self) -> Result<()> {
        SERVICES
            .iter()
            .try_for_each(|service| self.wait_until_healthy(service))
    }

    /// Writes the logs of all containers to a file, so that the cause of a failure can be found.
    pub(crate) fn save_logs(&self) {
        let file = self.home.join("containers.log");
        let saved = self
            .project
            .ask(&["logs", "--no-color", "--timestamps"])
            .and_then(|logs| std::fs::write(&file, logs).context("cannot write the file"));
        self.console.warning(&match saved {
            Ok(()) => format!("the containers' logs are in {}", file.display()),
            Err(error) => format!("cannot save the containers' logs: {error:#}"),
        });
    }
}

/// The project with the settings of the tests.
fn project<'a>(engine: &'a Engine, repo: &'a Repo) -> Project<'a> {
    let range = |[first, .., last]: [u16; 3]| format!("{first}-{last}");
    let (first_media, last_media) = MEDIA_PORTS;
    Project::new(engine, repo, PROJECT)
        .with("AIKAGI_VERSION", TAG)
        .with("AIKAGI_BIND", "127.0.0.1")
        .with("AIKAGI_PUBLIC_PORT", range(PUBLIC_PORTS))
        .with("AIKAGI_PRIVATE_PORT", range(PRIVATE_PORTS))
        .with("AIKAGI_SOFTPHONE_PORT", SOFTPHONE_PORT.to_string())
        // The trials wait hundreds of times until a container is healthy.
        .with("AIKAGI_HEALTH_INTERVAL", "1s")
        .with("AIKAGI_TRUNK", SIP_ADDRESS)
        .with("AIKAGI_SIP_ADDRESS", SIP_ADDRESS)
        .with("AIKAGI_SIP_BIND", SIP_ADDRESS)
        .with("AIKAGI_SIP_PORT", SIP_PORT.to_string())
        .with("AIKAGI_RTP_PORTS", format!("{first_media}-{last_media}"))
}

/// The directory of this program, which has the other executables of the same build.
fn beside_this_program() -> Result<PathBuf> {
    let program = std::env::current_exe().context("this program has no path")?;
    Ok(program.parent().unwrap_or(Path::new(".")).to_owned())
}
