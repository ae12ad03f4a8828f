//! `cargo xtask call-test`: real calls through an Asterisk in a container, with a SIP client that presses real keys.

use std::process::{Command, Stdio};

use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::process::executable;
use anyhow::{Context, Result};

use crate::cargo::{build_with_tests, show};
use crate::docker::bases::Base;
use crate::docker::engine::Engine;
use crate::repo::Repo;
use crate::say::Say;

/// The image of Asterisk, and the directory that it is described in.
const IMAGE: &str = "aikagi/asterisk:call-test";
const DIRECTORY: &str = "deploy/asterisk";

/// Makes the image and every call. Without an engine it says loudly that no call was made, which is no failure.
pub(crate) fn run(repo: &Repo, say: Say) -> Result<()> {
    let tools = [
        Tool::CCompiler,
        Tool::PostgreSql,
        Tool::Redis,
        Tool::SipTester,
    ];
    install::ensure(&tools, |text| say.step(text))?;
    let Some(engine) = Engine::find(repo, say, &[Base::Testing]) else {
        say.warning("NO CALL WAS MADE: Asterisk runs in a container");
        return Ok(());
    };
    say.step("making the image of Asterisk");
    let mut build = engine.docker();
    build
        .args(["build", "--quiet", "--tag", IMAGE])
        .arg(repo.root.join(DIRECTORY))
        .stdout(Stdio::null());
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
