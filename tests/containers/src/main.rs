//! `cargo xtask container-test`: starts the system in containers from nothing and runs trials on
//! it. The trials play the story, disturb the system while subscribers use it, and inspect every
//! container from inside.

mod postgres;
mod subscribers;
mod system;
mod trials;
mod witness;

use std::process::ExitCode;

use aikagi_devkit::console::Console;
use aikagi_devkit::docker::bases::{self, Base};
use aikagi_devkit::docker::engine::Engine;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::runtime::Runtime;

use crate::system::ContainerSystem;
use crate::trials::{TRIALS, Trial};

/// Starts the system in containers from nothing, and runs trials on it.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask container-test",
    bin_name = "cargo xtask container-test"
)]
struct Arguments {
    /// Compile the executables inside the images, as a production build does. This takes many
    /// minutes longer than the default, which copies this machine's executables into the images.
    #[arg(long)]
    from_source: bool,
    /// Run only these trials. The system is always started.
    #[arg(long = "trial", value_name = "NAME", conflicts_with = "quick")]
    trials: Vec<String>,
    /// Run only the trials that `cargo xtask test` runs.
    #[arg(long)]
    quick: bool,
    /// Leave the system running at the end.
    #[arg(long)]
    keep: bool,
}

impl Arguments {
    /// The trials to run, in their order. Fails for a name that no trial has.
    fn chosen(&self) -> Result<Vec<&'static Trial>> {
        let known: Vec<&str> = TRIALS.iter().map(|trial| trial.name).collect();
        if let Some(name) = self
            .trials
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            bail!("there is no trial {name}, only {}", known.join(", "));
        }
        let is_chosen = |trial: &&Trial| {
            if self.trials.is_empty() {
                trial.quick || !self.quick
            } else {
                self.trials.iter().any(|name| name == trial.name)
            }
        };
        Ok(TRIALS.iter().filter(is_chosen).collect())
    }

    /// The base images that the build needs.
    const fn bases(&self) -> &'static [Base] {
        if self.from_source {
            &[Base::Debian, Base::Distroless, Base::Rust, Base::Node]
        } else {
            &[Base::Debian, Base::Distroless]
        }
    }
}

fn main() -> ExitCode {
    let console = Console::new();
    match run(&Arguments::parse(), console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.failure(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the chosen trials, and stops at the first failure. On a machine that cannot run containers,
/// prints a warning and succeeds.
fn run(arguments: &Arguments, console: Console) -> Result<()> {
    let chosen = arguments.chosen()?;
    let repo = Repo::here()?;
    let engine = match prepare_engine(&repo, console, arguments.bases()) {
        Ok(engine) => engine,
        Err(error) => {
            console.warning(&format!(
                "NOTHING WAS TRIED WITH CONTAINERS: this machine cannot run them: {error:#}"
            ));
            return Ok(());
        }
    };
    let runtime = Runtime::new().context("cannot start a runtime")?;
    let system = ContainerSystem::new(&repo, console, &engine, &runtime, arguments.from_source)?;
    let tried = system.start().and_then(|()| {
        chosen
            .iter()
            .try_for_each(|trial| system.timed(trial.name, trial.about, trial.run))
    });
    if tried.is_err() {
        system.save_logs();
    }
    if !arguments.keep {
        system.project.remove()?;
    }
    tried
}

fn prepare_engine(repo: &Repo, console: Console, bases: &[Base]) -> Result<Engine> {
    let engine = Engine::find(repo, console)?;
    bases::ensure(&engine, repo, console, bases)?;
    Ok(engine)
}
