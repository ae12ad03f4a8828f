//! The system in containers: `cargo xtask demo --compose`, and `cargo xtask compose-test`, which starts it from
//! nothing, plays the story, disturbs it, and looks at it from inside every container.

mod bills;
mod confined;
mod disturbed;
mod failover;
mod kept;
mod outside;
mod previous;
mod telephone;
mod trials;
mod visitors;
mod work;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use aikagi_devkit::cargo::{build, build_with_tests};
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::docker::bases::{self, Base};
use aikagi_devkit::docker::engine::Engine;
use aikagi_devkit::docker::images;
use aikagi_devkit::docker::project::Project;
use aikagi_devkit::repo::Repo;
use aikagi_devkit::{ports, process};
use anyhow::{Context, Result, bail};

use trials::{TRIALS, Trial};

/// The project of people's own `docker compose up`: the name that the file gives it.
const USUAL: &str = "aikagi";
/// The project of the tests.
const TEST: &str = "aikagi-test";
/// The tag of their images.
const TAG: &str = "test";
/// The ports of the tests' gateways, for as many replicas.
const PUBLIC_PORTS: [u16; 3] = [18443, 18444, 18445];
const PRIVATE_PORTS: [u16; 3] = [18453, 18454, 18455];
/// Every service that runs on.
pub(crate) const RUNNING: [&str; 7] = [
    "postgres",
    "redis",
    "authentication",
    "units",
    "password",
    "issuance",
    "gateway",
];

/// What to try with containers.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Compile in the images instead of taking the executables that cargo built here: as an SRE does, and many
    /// minutes longer.
    #[arg(long)]
    from_source: bool,
    /// Only these trials, by name; the system is started in any case.
    #[arg(long = "trial", value_name = "NAME")]
    trials: Vec<String>,
    /// Leave the system running at the end.
    #[arg(long)]
    keep: bool,
}

/// What a trial has to do with.
pub(crate) struct Stage<'a> {
    repo: &'a Repo,
    pub(crate) console: Console,
    pub(crate) project: Project<'a>,
    /// Where `state.json` and the identities of those outside go.
    pub(crate) home: PathBuf,
    /// The executables that cargo built.
    pub(crate) binaries: PathBuf,
    /// The images were compiled, not filled with those.
    from_source: bool,
}

/// Tries what `cargo xtask test` has time for: everything but the trials that are left to the command.
pub(crate) fn quick_test(repo: &Repo, console: Console) -> Result<()> {
    let chosen = TRIALS.iter().filter(|trial| trial.quick);
    let arguments = Arguments {
        trials: chosen.map(|trial| trial.name.to_owned()).collect(),
        ..Arguments::default()
    };
    test(repo, console, &arguments)
}

/// Tries everything. Without an engine nothing is tried, which is said loudly, and is no failure.
pub(crate) fn test(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let known: Vec<&str> = TRIALS.iter().map(|trial| trial.name).collect();
    if let Some(name) = arguments
        .trials
        .iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        bail!("no trial {name}; there are {}", known.join(", "));
    }
    let bases: &[Base] = if arguments.from_source {
        &[Base::Debian, Base::Distroless, Base::Rust, Base::Node]
    } else {
        &[Base::Debian, Base::Distroless]
    };
    let prepared = Engine::find(repo, console).and_then(|engine| {
        bases::ensure(&engine, repo, console, bases)?;
        Ok(engine)
    });
    let engine = match prepared {
        Ok(engine) => engine,
        Err(error) => {
            console.warning(&format!(
                "NOTHING WAS TRIED WITH CONTAINERS: this machine cannot run them: {error:#}"
            ));
            return Ok(());
        }
    };
    let project = Project::new(&engine, repo, TEST)
        .with("AIKAGI_VERSION", TAG)
        .with("AIKAGI_BIND", "127.0.0.1")
        .with("AIKAGI_PUBLIC_PORT", range(PUBLIC_PORTS))
        .with("AIKAGI_PRIVATE_PORT", range(PRIVATE_PORTS))
        .with(
            "AIKAGI_SOFTPHONE_PORT",
            visitors::SOFTPHONE_PORT.to_string(),
        )
        // A trial waits for health some hundred times.
        .with("AIKAGI_HEALTH_INTERVAL", "1s");
    let project = telephone::settings(project);
    // What a killed run left.
    project.remove()?;
    for port in PUBLIC_PORTS.into_iter().chain(PRIVATE_PORTS) {
        ports::require_free(port, "the gateway")?;
    }
    ports::require_free(visitors::SOFTPHONE_PORT, "the softphone")?;
    let binaries = build_with_tests(repo)?;
    let project = if arguments.from_source {
        project
    } else {
        images::prepare(repo, console, &binaries)?;
        project.with("AIKAGI_BINARIES", "prebuilt")
    };
    let home = repo.target.join("test/compose");
    let _ = std::fs::remove_dir_all(&home);
    let stage = Stage {
        repo,
        console,
        project,
        home,
        binaries,
        from_source: arguments.from_source,
    };
    let tried = stage.try_all(arguments);
    if tried.is_err() {
        let _ = stage.keep_logs();
    }
    if !arguments.keep {
        stage.project.remove()?;
    }
    tried
}

/// Ports as docker compose wants a range.
fn range(ports: [u16; 3]) -> String {
    let [first, .., last] = ports;
    format!("{first}-{last}")
}

impl Stage<'_> {
    /// Where the system is, with every port that a gateway may have.
    pub(crate) fn state(&self) -> Result<PathBuf> {
        self.project
            .write_system_file(&self.home, &PUBLIC_PORTS, &PRIVATE_PORTS)
    }

    /// Where the system is, with the ports that its gateways have now.
    pub(crate) fn published_state(&self) -> Result<PathBuf> {
        let (public, private) = self.project.published()?;
        self.project
            .write_system_file(&self.home, &public, &private)
    }

    /// The same system with overlays.
    pub(crate) fn over(&self, files: &[&'static str]) -> Self {
        Self {
            repo: self.repo,
            console: self.console,
            project: self.project.over(files),
            home: self.home.clone(),
            binaries: self.binaries.clone(),
            from_source: self.from_source,
        }
    }

    fn try_all(&self, arguments: &Arguments) -> Result<()> {
        self.timed(
            "up",
            "everything from nothing, until it is healthy",
            |stage| stage.up(&["--build"]),
        )?;
        let chosen = |trial: &&Trial| {
            arguments.trials.is_empty() || arguments.trials.iter().any(|name| name == trial.name)
        };
        for trial in TRIALS.iter().filter(chosen) {
            self.timed(trial.name, trial.about, trial.run)?;
        }
        Ok(())
    }

    fn timed(&self, name: &str, about: &str, run: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        self.console.heading(&format!("{name}: {about}"));
        let begun = Instant::now();
        run(self).with_context(|| format!("trial {name}"))?;
        let took = begun.elapsed().max(Duration::from_secs(1)).as_secs();
        self.console.step(&format!("{name} took {took} s"));
        Ok(())
    }

    /// `docker compose up` until everything is healthy.
    pub(crate) fn up(&self, more: &[&str]) -> Result<()> {
        let mut arguments = vec!["up", "--detach", "--wait", "--quiet-pull"];
        arguments.extend(more);
        self.project.run(&arguments)
    }

    /// Keeps what every container said, for whoever looks into a failure.
    fn keep_logs(&self) -> Result<()> {
        let logs = self.project.ask(&["logs", "--no-color", "--timestamps"])?;
        let file = self.home.join("compose.log");
        std::fs::create_dir_all(&self.home).context("no place for logs")?;
        std::fs::write(&file, logs).context("cannot write the logs")?;
        self.console
            .warning(&format!("the containers' logs are in {}", file.display()));
        Ok(())
    }
}

/// Plays the story against the system that `docker compose up` started.
pub(crate) fn demo(repo: &Repo, console: Console, arguments: &[String]) -> Result<()> {
    let engine = Engine::find(repo, console)?;
    let project = Project::new(&engine, repo, USUAL);
    if project.containers("gateway")?.is_empty() {
        bail!("nothing is running: start it with `docker compose up --build --wait`");
    }
    let (public, private) = project.published()?;
    let state = project.write_system_file(&repo.target.join("compose"), &public, &private)?;
    console.step("building the demo");
    let binaries = build(repo, false)?;
    let mut demo = Command::new(process::executable(&binaries, "demo")?);
    show(demo.arg("--state").arg(state).args(arguments), "the demo")
}
