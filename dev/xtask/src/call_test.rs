//! `cargo xtask call-test`: real calls through an Asterisk in a container, with a SIP client that presses real keys.

use std::process::{Command, Stdio};

use aikagi_devkit::command;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::process::executable;
use anyhow::{Context, Result};

use crate::cargo::{build_with_tests, show};
use crate::docker::bases::Base;
use crate::docker::engine::Engine;
use crate::repo::Repo;
use crate::say::Say;

/// The image of Asterisk, the directory that it is described in, and the stage of it that needs Debian's archive.
const IMAGE: &str = "aikagi/asterisk:call-test";
const DIRECTORY: &str = "deploy/asterisk";
const PACKAGES: &str = "packages";

/// Makes the image and every call. Where this machine cannot have what calls need, it says loudly that no call was made,
/// which is no failure.
pub(crate) fn run(repo: &Repo, say: Say) -> Result<()> {
    let tools = [Tool::CCompiler, Tool::PostgreSql, Tool::Redis];
    install::ensure(&tools, |text| say.step(text))?;
    let Some(engine) = prepare(repo, say) else {
        say.warning("NO CALL WAS MADE: Asterisk runs in a container, and a SIP client calls it");
        return Ok(());
    };
    say.step("making the image of Asterisk");
    let mut build = image(&engine, repo);
    build.args(["--tag", IMAGE]);
    show(&mut build, "the image of Asterisk")?;
    let binaries = build_with_tests(repo)?;
    let home = repo.target.join("test/calls");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).context("cannot make a directory")?;
    say.step("making calls");
    let mut calls = Command::new(executable(&binaries, "call-test")?);
    calls.arg("--home").arg(&home);
    calls.args(["all", "--image", IMAGE, "--binaries"]);
    calls.arg(&binaries);
    show(&mut calls, "the calls").inspect_err(|_error| {
        say.warning(&format!(
            "what was said, heard and logged is in {}",
            home.display()
        ));
    })
}

/// What comes from outside: an engine, the SIP client and Asterisk's packages. None, with the reason said loudly, where
/// one of them cannot be had.
fn prepare(repo: &Repo, say: Say) -> Option<Engine> {
    let engine = Engine::find(repo, say, &[Base::Testing])?;
    let fetched = install::ensure(&[Tool::SipTester], |text| say.step(text)).and_then(|()| {
        say.step("fetching Asterisk's packages");
        command::run(image(&engine, repo).args(["--target", PACKAGES]))
            .context("Asterisk's packages")
    });
    fetched
        .inspect_err(|error| say.warning(&format!("this machine cannot make calls: {error:#}")))
        .ok()?;
    Some(engine)
}

/// Builds the image of Asterisk.
fn image(engine: &Engine, repo: &Repo) -> Command {
    let mut build = engine.docker();
    build
        .args(["build", "--quiet"])
        .arg(repo.root.join(DIRECTORY))
        .stdout(Stdio::null());
    build
}
