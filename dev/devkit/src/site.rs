//! The settings site (`frontends/site`): its packages, its build, its bill of materials.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{self, show};
use crate::console::Console;
use crate::install::{self, Tool};
use crate::repo::Repo;

/// The site's directory, from the root.
const DIRECTORY: &str = "frontends/site";
/// The directory of the built site, inside [`DIRECTORY`].
const BUILT: &str = "dist";
/// A copy of the lock file that the installed packages come from.
const INSTALLED: &str = "node_modules/.installed";

/// The oldest Node on which the site's tools run. Debian 12 has an older one.
const OLDEST_NODE: u32 = 20;

/// Installs Node if it is missing. Returns false and prints a warning if this machine's Node is too
/// old for the site.
pub fn has_node(console: Console) -> Result<bool> {
    install::ensure(&[Tool::Node], console)?;
    let version = command::run(Command::new("node").arg("--version"))?;
    let major = version.trim().trim_start_matches('v').split('.').next();
    let enough = major
        .and_then(|major| major.parse().ok())
        .is_some_and(|major: u32| major >= OLDEST_NODE);
    if !enough {
        console.warning(&format!(
            "THE SITE IS NOT CHECKED: its tools need Node {OLDEST_NODE} or later, and this machine has {}.",
            version.trim()
        ));
    }
    Ok(enough)
}

/// Builds the site with the packages of its lock file.
pub fn build(repo: &Repo, console: Console) -> Result<()> {
    run_script(repo, console, "build", &[])
}

/// Runs one of the scripts of the site's `package.json`, with these variables in its environment.
/// Installs Node and the site's packages first if they are missing.
pub fn run_script(
    repo: &Repo,
    console: Console,
    script: &str,
    variables: &[(&str, &OsStr)],
) -> Result<()> {
    install::ensure(&[Tool::Node], console)?;
    install_packages(repo, console)?;
    npm(repo, &["run", "--silent", script], variables)
}

/// The directory of the built site.
pub fn built(repo: &Repo) -> PathBuf {
    repo.root.join(DIRECTORY).join(BUILT)
}

/// The site's bill of materials (SBOM), in the format `CycloneDX`.
pub fn bill_of_materials(repo: &Repo) -> Result<String> {
    let mut npm = Command::new("npm");
    npm.args(["sbom", "--package-lock-only", "--omit=dev"])
        .arg("--sbom-format=cyclonedx")
        .current_dir(repo.root.join(DIRECTORY));
    command::run(&mut npm)
}

fn install_packages(repo: &Repo, console: Console) -> Result<()> {
    let site = repo.root.join(DIRECTORY);
    let lock = site.join("package-lock.json");
    let wanted = std::fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let installed = site.join(INSTALLED);
    if std::fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    console.step("downloading the site's packages");
    let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    npm(repo, &arguments, &[])?;
    std::fs::write(&installed, wanted)
        .with_context(|| format!("cannot write {}", installed.display()))
}

fn npm(repo: &Repo, arguments: &[&str], variables: &[(&str, &OsStr)]) -> Result<()> {
    let mut command = Command::new("npm");
    command
        .args(arguments)
        .current_dir(repo.root.join(DIRECTORY))
        .envs(variables.iter().copied());
    show(&mut command, &format!("npm {}", arguments.join(" ")))
}
