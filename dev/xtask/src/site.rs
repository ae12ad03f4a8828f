//! The site (`frontends/site`): its packages, its checks, and where the gateway finds it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_devkit::command;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::settings::Service;
use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::cargo::show;
use crate::repo::Repo;
use crate::say::Say;

/// The site's directory, from the root.
const SITE: &str = "frontends/site";
/// What was built, from there.
const BUILT: &str = "dist";
/// The lock file with which the packages here were installed.
const INSTALLED: &str = "node_modules/.installed";

/// SESS-1 in the browser tests: nobody wants to wait for a quarter of an hour.
const SHORT_IDLE: &str = "45s";

/// The oldest Node that the site's own tools run on. Debian 12 has an older one.
const OLDEST_NODE: u32 = 20;

/// Whether this machine's Node is new enough for the site; says loudly when it is not.
pub(crate) fn has_node(say: Say) -> Result<bool> {
    install::ensure(&[Tool::Node], |text| say.step(text))?;
    let version = command::run(Command::new("node").arg("--version"))?;
    let major = version.trim().trim_start_matches('v').split('.').next();
    let enough = major
        .and_then(|major| major.parse().ok())
        .is_some_and(|major: u32| major >= OLDEST_NODE);
    if !enough {
        say.warning(&format!(
            "THE SITE WAS NOT CHECKED: its tools need Node {OLDEST_NODE} or later, and this is {}.",
            version.trim()
        ));
    }
    Ok(enough)
}

/// Builds the site, with the packages that its lock file names.
pub(crate) fn build(repo: &Repo, say: Say) -> Result<()> {
    install::ensure(&[Tool::Node], |text| say.step(text))?;
    packages(repo, say)?;
    npm(repo, &["run", "--silent", "build"], &[])
}

/// Everything that needs no system: build, lint, format, types, unit tests, size.
pub(crate) fn check(repo: &Repo, say: Say) -> Result<()> {
    install::ensure(&[Tool::Node], |text| say.step(text))?;
    packages(repo, say)?;
    npm(repo, &["run", "--silent", "check"], &[])
}

/// Runs one of the site's scripts in a browser's company, against the system that `state` tells of and the softphone
/// at a loopback port.
pub(crate) fn browse(repo: &Repo, script: &str, state: &Path, softphone: u16) -> Result<()> {
    let softphone = format!("http://localhost:{softphone}");
    let variables = [
        ("AIKAGI_STATE", state.as_os_str()),
        ("AIKAGI_SOFTPHONE", softphone.as_ref()),
    ];
    npm(repo, &["run", "--silent", script], &variables)
}

/// What the browser tests need beside the site itself.
pub(crate) fn prepare_browser(repo: &Repo, say: Say) -> Result<()> {
    install::ensure(&[Tool::Chromium], |text| say.step(text))?;
    build(repo, say)
}

/// Lets the gateway serve the site: for `Options::adjust`.
pub(crate) fn serve(service: Service, _replica: u16, settings: &mut Table) {
    if service == Service::Gateway
        && let Some(public) = settings.get_mut("public").and_then(Value::as_table_mut)
        && let Ok(directory) = directory()
    {
        let text = directory.join(BUILT).display().to_string();
        public.insert("site".to_owned(), Value::String(text));
    }
}

/// The same, with sessions that end soon and a policy that refuses common passwords (PW-6).
pub(crate) fn serve_briefly(service: Service, replica: u16, settings: &mut Table) {
    serve(service, replica, settings);
    if service == Service::Authentication {
        let mut session = Table::new();
        session.insert("idle".to_owned(), Value::String(SHORT_IDLE.to_owned()));
        settings.insert("session".to_owned(), Value::Table(session));
    }
    if service == Service::Password {
        let mut policy = Table::new();
        policy.insert("refuses_common".to_owned(), Value::Boolean(true));
        settings.insert("policy".to_owned(), Value::Table(policy));
    }
}

/// Where what [`build`] built is.
pub(crate) fn built(repo: &Repo) -> PathBuf {
    repo.root.join(SITE).join(BUILT)
}

/// What the site is made of: its SBOM, by npm.
pub(crate) fn bill_of_materials(repo: &Repo) -> Result<String> {
    let mut npm = Command::new("npm");
    npm.args(["sbom", "--package-lock-only", "--omit=dev"])
        .arg("--sbom-format=cyclonedx")
        .current_dir(repo.root.join(SITE));
    command::run(&mut npm)
}

fn directory() -> Result<PathBuf> {
    Ok(Repo::here()?.root.join(SITE))
}

fn packages(repo: &Repo, say: Say) -> Result<()> {
    let site = repo.root.join(SITE);
    let lock = site.join("package-lock.json");
    let wanted = std::fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let installed = site.join(INSTALLED);
    if std::fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    say.step("fetching the site's packages");
    let quietly = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    npm(repo, &quietly, &[])?;
    std::fs::write(&installed, wanted)
        .with_context(|| format!("cannot write {}", installed.display()))
}

fn npm(repo: &Repo, arguments: &[&str], variables: &[(&str, &OsStr)]) -> Result<()> {
    let mut command = Command::new("npm");
    command
        .args(arguments)
        .current_dir(repo.root.join(SITE))
        .envs(variables.iter().copied());
    show(&mut command, &format!("npm {}", arguments.join(" ")))
}
