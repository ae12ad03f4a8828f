//! The system in containers: `cargo xtask container-test`, which builds and starts `tests/containers`, and
//! `cargo xtask demo --compose`.

use std::process::Command;

use aikagi_devkit::cargo::{SYSTEM, build, build_with_tests};
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::docker::engine::Engine;
use aikagi_devkit::docker::project::Project;
use aikagi_devkit::process::executable;
use aikagi_devkit::repo::Repo;
use anyhow::{Result, bail};

/// The name that `docker-compose.yml` gives to a project started by hand.
const PROJECT: &str = "aikagi";

/// Builds and starts `tests/containers` with these arguments.
pub(crate) fn test(repo: &Repo, arguments: &[String]) -> Result<()> {
    let binaries = build_with_tests(repo)?;
    let mut test = Command::new(executable(&binaries, "container-test")?);
    show(test.args(arguments), "the container test")
}

/// Runs only the quick trials. `cargo xtask test` does not have time for all of them.
pub(crate) fn quick_test(repo: &Repo) -> Result<()> {
    test(repo, &["--quick".to_owned()])
}

/// Plays the story against the system that `docker compose up` started.
pub(crate) fn demo(repo: &Repo, console: Console, arguments: &[String]) -> Result<()> {
    let engine = Engine::find(repo, console)?;
    let project = Project::new(&engine, repo, PROJECT);
    if project.containers("edge")?.is_empty() {
        bail!("no system is running: start one with `docker compose up --build --wait`");
    }
    let (public, private) = project.published()?;
    let file = project.write_system_file(&repo.target.join("compose"), &public, &private)?;
    console.step("building the demo");
    let binaries = build(repo, &SYSTEM, false)?;
    let mut demo = Command::new(executable(&binaries, "demo")?);
    show(demo.arg("--state").arg(file).args(arguments), "the demo")
}
