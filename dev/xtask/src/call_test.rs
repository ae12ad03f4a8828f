//! `cargo xtask call-test`: real calls through an Asterisk in a container, with a SIP client that presses real keys.

use std::process::{Command, Stdio};

use aikagi_devkit::cargo::build_with_tests;
use aikagi_devkit::command::{self, show};
use aikagi_devkit::console::Console;
use aikagi_devkit::docker::bases::{self, Base};
use aikagi_devkit::docker::engine::Engine;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::process::executable;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result};

/// The image of Asterisk.
const IMAGE: &str = "aikagi/asterisk:call-test";
/// The directory of the image's Dockerfile.
const DIRECTORY: &str = "deploy/asterisk";
/// The stage of the Dockerfile that downloads Debian's packages.
const PACKAGES: &str = "packages";

/// Builds the image and makes every call. On a machine that cannot make calls, prints a warning and
/// succeeds.
pub(crate) fn run(repo: &Repo, console: Console) -> Result<()> {
    let tools = [Tool::CCompiler, Tool::PostgreSql, Tool::Redis];
    install::ensure(&tools, console)?;
    let engine = match prepare(repo, console) {
        Ok(engine) => engine,
        Err(error) => {
            console.warning(&format!(
                "NO CALL WAS MADE: this machine cannot run Asterisk in a container and call it: {error:#}"
            ));
            return Ok(());
        }
    };
    console.step("making the image of Asterisk");
    let mut build = image(&engine, repo);
    build.args(["--tag", IMAGE]);
    show(&mut build, "the build of the image of Asterisk")?;
    let binaries = build_with_tests(repo)?;
    let home = repo.target.join("test/calls");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).context("cannot make a directory")?;
    console.step("making calls");
    let mut calls = Command::new(executable(&binaries, "call-test")?);
    calls.arg("--home").arg(&home);
    calls.args(["all", "--image", IMAGE, "--binaries"]);
    calls.arg(&binaries);
    show(&mut calls, "the calls").inspect_err(|_error| {
        console.warning(&format!(
            "sound, SIP messages and logs are in {}",
            home.display()
        ));
    })
}

/// Downloads what this machine lacks: an engine, the SIP client, Asterisk's packages.
fn prepare(repo: &Repo, console: Console) -> Result<Engine> {
    let engine = Engine::find(repo, console)?;
    bases::ensure(&engine, repo, console, &[Base::Testing])?;
    install::ensure(&[Tool::SipTester], console)?;
    console.step("downloading Asterisk's packages");
    command::run(image(&engine, repo).args(["--target", PACKAGES]))
        .context("cannot download Asterisk's packages")?;
    Ok(engine)
}

/// A command that builds the image of Asterisk.
fn image(engine: &Engine, repo: &Repo) -> Command {
    let mut build = engine.docker();
    build
        .args(["build", "--quiet"])
        .arg(repo.root.join(DIRECTORY))
        .stdout(Stdio::null());
    build
}
