//! Cargo, called from a program that cargo itself runs.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};

use crate::repo::Repo;

/// What `cargo run` tells the program that it runs. Some build scripts look at these: left in place, they
/// would make cargo build the same things again and again.
const OURS: [&str; 6] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "OUT_DIR",
];

/// A command of cargo, in the repository.
pub(crate) fn cargo(repo: &Repo, arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(&repo.root).args(arguments);
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if OURS.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&key);
        }
    }
    command
}

/// Runs a command that shows its own output; fails, naming it as `what`, when it fails.
pub(crate) fn show(command: &mut Command, what: &str) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{what} failed ({status})");
    }
    Ok(())
}

/// Runs a command that shows its own output and tells how it ended.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// Builds everything, tests included, and returns the directory that the executables are in. Tests turn on
/// features of what we depend on: built otherwise, all of that would be built twice.
pub(crate) fn build_with_tests(repo: &Repo) -> Result<PathBuf> {
    let mut command = cargo(repo, &["build", "--workspace", "--all-targets"]);
    show(&mut command, "the build")?;
    Ok(repo.target.join("debug"))
}

/// Builds the executables of every package but this one, and returns the directory that they are in.
pub(crate) fn build(repo: &Repo, release: bool) -> Result<PathBuf> {
    let mut command = cargo(
        repo,
        &["build", "--workspace", "--exclude", "xtask", "--bins"],
    );
    if release {
        command.arg("--release");
    }
    show(&mut command, "the build")?;
    Ok(repo.target.join(if release { "release" } else { "debug" }))
}
