//! `cargo xtask call-test`: real calls through an Asterisk in a container, with a SIP client that presses real keys.

use std::path::Path;
use std::process::{Command, Stdio};

use aikagi_devkit::command;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::process::executable;
use anyhow::{Context, Result, bail};

use crate::cargo::{build_with_tests, show};
use crate::repo::Repo;
use crate::say::Say;

/// The image of Asterisk, and the directory that it is described in.
const IMAGE: &str = "aikagi/asterisk:local";
const DIRECTORY: &str = "deploy/asterisk";
/// What it begins from, the release of Debian in it, and the script that bootstraps a release which an older
/// debootstrap does not know.
const BASE: &str = "debian:forky-slim";
const RELEASE: &str = "forky";
const SCRIPT: &str = "/usr/share/debootstrap/scripts/sid";
/// The lists of Debian's testing expire soon; a mirror that was frozen has them all the same.
const APT_OPTIONS: &str = "APT_OPTIONS=-o Acquire::Check-Valid-Until=false";

/// Makes the image and every call. Without an engine it says loudly that no call was made.
pub(crate) fn run(repo: &Repo, say: Say) -> Result<()> {
    let tools = [
        Tool::CCompiler,
        Tool::PostgreSql,
        Tool::Redis,
        Tool::SipTester,
    ];
    install::ensure(&tools, |text| say.step(text))?;
    if let Err(error) = docker(&["version"]) {
        say.warning(&format!(
            "NO CALL WAS MADE: Asterisk runs in a container, and there is no Docker engine here: {error:#}"
        ));
        return Ok(());
    }
    base(repo, say)?;
    say.step("making the image of Asterisk");
    let directory = repo.root.join(DIRECTORY).display().to_string();
    docker(&[
        "build",
        "--quiet",
        "--tag",
        IMAGE,
        "--build-arg",
        APT_OPTIONS,
        &directory,
    ])?;
    let binaries = build_with_tests(repo)?;
    let home = repo.target.join("test/calls");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).context("cannot make a directory")?;
    say.step("making calls");
    let mut calls = Command::new(executable(&binaries, "call-test")?);
    calls.args(["--image", IMAGE, "--binaries"]).arg(&binaries);
    calls.arg("--home").arg(&home);
    show(&mut calls, "the calls").inspect_err(|_error| {
        say.warning(&format!(
            "what was said, heard and logged is in {}",
            home.display()
        ));
    })
}

/// Makes sure that the image which ours begins from is there: pulled, or made with debootstrap.
fn base(repo: &Repo, say: Say) -> Result<()> {
    if docker(&["image", "inspect", BASE]).is_ok() || docker(&["pull", "--quiet", BASE]).is_ok() {
        return Ok(());
    }
    say.step(&format!("making {BASE}, which cannot be pulled here"));
    install::ensure(&[Tool::Debootstrap], |text| say.step(text))?;
    let tree = repo.target.join("test/forky");
    let _ = std::fs::remove_dir_all(&tree);
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", RELEASE]).arg(&tree);
    debootstrap.arg(mirror()?);
    if !Path::new(SCRIPT).with_file_name(RELEASE).exists() {
        debootstrap.arg(SCRIPT);
    }
    command::run(&mut debootstrap).context("debootstrap failed")?;
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(&tree)
        .args(["--exclude=./var/cache/apt/archives/*", "--exclude=./proc/*"])
        .args(["--exclude=./var/lib/apt/lists/*", "--exclude=./sys/*"])
        .args(["-c", "."])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start tar")?;
    let mut import = Command::new("docker");
    import
        .args(["import", "-", BASE])
        .stdin(tar.stdout.take().context("tar says nothing")?)
        .stdout(Stdio::null());
    show(&mut import, "docker import")?;
    if !tar.wait().context("tar was lost")?.success() {
        bail!("tar failed");
    }
    std::fs::remove_dir_all(&tree).with_context(|| format!("cannot remove {}", tree.display()))
}

/// The mirror of Debian that this machine takes its packages from.
fn mirror() -> Result<String> {
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--format", "$(COMPONENT) $(SITE)"]);
    let targets = command::run(ask.arg("Created-By: Packages"))?;
    let main = targets.lines().find_map(|line| line.strip_prefix("main "));
    main.map(str::to_owned)
        .context("apt-get knows no mirror of Debian: run apt-get update")
}

fn docker(arguments: &[&str]) -> Result<String> {
    command::run(Command::new("docker").args(arguments))
}
