//! Development tools that come neither with Rust nor with Debian. They are installed into this repository's directories.

use std::path::PathBuf;
use std::process::Command;

use aikagi_devkit::cargo::cargo;
use aikagi_devkit::command::{self, show};
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result};

/// A subcommand of cargo.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subcommand {
    /// Checks licences, sources, bans and advisories.
    Deny,
    /// Runs every test in a separate process.
    Nextest,
}

impl Subcommand {
    const fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Nextest => "nextest",
        }
    }
}

/// Finds Buf in the version that `dev/xtask/buf` names, or installs it.
pub(crate) fn buf(repo: &Repo, console: Console) -> Result<PathBuf> {
    let tools = repo.root.join("dev/xtask/buf");
    let program = tools.join("node_modules/.bin/buf");
    let lock = tools.join("package-lock.json");
    // npm writes this file when it installs.
    let installed = tools.join("node_modules/.package-lock.json");
    let age = |file: &PathBuf| {
        std::fs::metadata(file)
            .and_then(|file| file.modified())
            .ok()
    };
    if !program.is_file() || age(&installed) < age(&lock) {
        install::ensure(&[Tool::Node], console)?;
        console.step("installing Buf with npm into dev/xtask/buf/node_modules");
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&tools);
        command::run(&mut npm).context("cannot install Buf")?;
        // npm does not write the file if nothing has changed.
        if let Ok(file) = std::fs::File::options().append(true).open(&installed)
            && let Some(age) = age(&lock)
        {
            let _ = file.set_modified(age);
        }
    }
    Ok(program)
}

/// A command that runs a subcommand of cargo. Installs the subcommand if it is missing.
pub(crate) fn subcommand(repo: &Repo, console: Console, tool: Subcommand) -> Result<Command> {
    let name = tool.name();
    if command::run(&mut cargo(repo, &[name, "--version"])).is_ok() {
        return Ok(cargo(repo, &[name]));
    }
    let home = repo.target.join("tools");
    let program = home.join("bin").join(format!("cargo-{name}"));
    if !program.is_file() {
        let package = format!("cargo-{name}");
        console.step(&format!(
            "installing {package} into {} (some minutes, the first time)",
            home.display()
        ));
        // Optimisation would take minutes, and the tool runs for seconds.
        let mut install = cargo(
            repo,
            &["install", &package, "--locked", "--debug", "--quiet"],
        );
        install
            .arg("--root")
            .arg(&home)
            .arg("--target-dir")
            .arg(home.join("build"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0");
        show(&mut install, &format!("the installation of {package}"))?;
        let _ = std::fs::remove_dir_all(home.join("build"));
    }
    let mut command = Command::new(program);
    command.arg(name).current_dir(&repo.root);
    // The program gets the environment that cargo would give it.
    for (key, value) in cargo(repo, &[]).get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    Ok(command)
}
