//! The upgrade from an earlier version, as docs/operations.md says. The earlier version is built from this repository's
//! history. Both versions run together for a while. No RPC fails, except that a call may have
//! to be made again while issuance is replaced.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aikagi_devkit::cargo::cargo;
use aikagi_devkit::command::show;
use aikagi_devkit::docker::images;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result};

use crate::subscribers::{Allowed, NOTHING, SUBSCRIBERS, Subscribers};
use crate::system::{ContainerSystem, SERVICES, TAG};
use crate::witness;

const MIGRATIONS: &str = "crates/ledger/migrations";
/// The earlier version: a commit of 0.1. In it one process serves both ports, and four services share a key ring. After
/// the release of 0.2, name a commit of that version here, and change [`OVERLAY`].
const EARLIER: &str = "5d0da611767416282a298e40854efe0808485edc";
/// The overlay for the earlier version's containers.
const OVERLAY: &str = "tests/containers/upgrade.yml";
/// The tag of the earlier version's images.
const EARLIER_TAG: &str = "previous";
/// The images that both versions share: the stores and the jobs. The jobs can also create the
/// earlier schema.
const SHARED: [&str; 3] = ["tools", "postgres", "redis"];
/// How many replicas of the services with published ports run in the earlier version, and after the upgrade. There are
/// ports for three in all.
const WITH_PORTS: usize = 1;
const REPLICAS: usize = 2;
const WITNESS: &str = "0311150001";

/// The earlier version.
struct Earlier {
    commit: String,
    /// The version of its schema: the number of the last schema migration that it contains.
    schema: String,
}

/// INV-4, LOGIN-3: upgrades the schema, then one service after the other. If the repository's
/// history lacks the earlier version, prints a warning and tries no upgrade.
pub(super) fn upgrade(system: &ContainerSystem<'_>) -> Result<()> {
    let earlier = match Earlier::find(system.repo) {
        Ok(earlier) => earlier,
        Err(error) => {
            system.console.warning(&format!(
                "NO UPGRADE WAS TRIED: this repository's history lacks the earlier version: {error:#}"
            ));
            return Ok(());
        }
    };
    let before = build_images(system, &earlier)?;
    start(&before)?;
    witness::leave(&before, WITNESS, 2)?;

    let subscribers = Subscribers::start(system)?;
    system
        .project
        .run(&["run", "--rm", "--no-deps", "-T", "migrate"])?;
    subscribers.wait_for_rounds(SUBSCRIBERS)?;
    for service in SERVICES {
        replace(system, service, &subscribers)?;
    }
    subscribers.finish(Allowed {
        ended_calls: true,
        ..NOTHING
    })?;
    witness::find(system, WITNESS, 2)
}

impl Earlier {
    fn find(repo: &Repo) -> Result<Self> {
        let commit = repo.git(&["rev-parse", "--verify", &format!("{EARLIER}^{{commit}}")])?;
        let commit = commit.trim().to_owned();
        let files = repo.git(&["ls-tree", "--name-only", &format!("{commit}:{MIGRATIONS}")])?;
        let is_migration = |file: &&str| Path::new(file).extension() == Some(OsStr::new("sql"));
        let last = files
            .lines()
            .rfind(is_migration)
            .context("the earlier version has no schema")?;
        let schema = last.split('_').next().unwrap_or_default().to_owned();
        Ok(Self { commit, schema })
    }

    /// The directory of the earlier version's files.
    fn source(repo: &Repo) -> PathBuf {
        repo.target.join("previous/source")
    }

    /// Builds the earlier version's executables under `target/previous`, and returns their
    /// directory.
    fn build(&self, repo: &Repo) -> Result<PathBuf> {
        let source = Self::source(repo);
        repo.unpack(&self.commit, &source)?;
        let target = repo.target.join("previous/build");
        let mut compile = cargo(repo, &["build", "--locked", "--workspace", "--bins"]);
        compile
            .current_dir(&source)
            .arg("--target-dir")
            .arg(&target)
            .env_remove("CARGO_TARGET_DIR");
        show(&mut compile, "the build of the earlier version")?;
        Ok(target.join("debug"))
    }
}

/// Removes the running system, and builds the images of the earlier version. Returns the system
/// with that version.
fn build_images<'a>(
    system: &ContainerSystem<'a>,
    earlier: &Earlier,
) -> Result<ContainerSystem<'a>> {
    system.console.step(&format!(
        "building {}, whose last schema migration is {}",
        earlier.commit, earlier.schema
    ));
    let binaries = earlier.build(system.repo)?;
    system.project.remove()?;
    let services = SERVICES.into_iter().filter(|service| *service != "edge");
    images::replace(system.repo, &binaries, &services.collect::<Vec<_>>())?;
    let settings = Earlier::source(system.repo).join("deploy/settings");
    let settings = settings
        .to_str()
        .context("the path of the earlier version's settings is not UTF-8")?;
    let before = ContainerSystem {
        project: system
            .project
            .over(&[OVERLAY])
            .with("AIKAGI_PREVIOUS_SETTINGS", settings)
            .with("AIKAGI_VERSION", EARLIER_TAG)
            .with("AIKAGI_PREVIOUS_SCHEMA", &earlier.schema),
        ..system.clone()
    };
    let built = before
        .project
        .run(&[&["build", "--quiet"][..], &SERVICES[..]].concat());
    // Later builds use the executables of the present version again, even if this build failed.
    images::prepare(system.repo, system.console, &system.binaries)?;
    built?;
    for image in SHARED {
        let [ours, theirs] = [TAG, EARLIER_TAG].map(|tag| format!("aikagi/{image}:{tag}"));
        system.project.engine.ask(&["tag", &ours, &theirs])?;
    }
    Ok(before)
}

/// Starts the earlier version with replicas.
fn start(before: &ContainerSystem<'_>) -> Result<()> {
    let scales = SERVICES.map(|service| {
        let count = match service {
            // The gateway of the earlier version serves both ports.
            "edge" => 0,
            "gateway" => WITH_PORTS,
            _ => REPLICAS,
        };
        format!("{service}={count}")
    });
    let mut arguments = vec!["--no-build"];
    for scale in &scales {
        arguments.extend(["--scale", scale]);
    }
    before.up(&arguments)
}

/// Adds as many new replicas as there are old ones, waits while both work together, and removes the
/// old ones.
fn replace(
    system: &ContainerSystem<'_>,
    service: &str,
    subscribers: &Subscribers<'_>,
) -> Result<()> {
    let old = system.project.containers(service)?;
    let new = old.len().max(WITH_PORTS);
    let scale = format!("{service}={}", old.len() + new);
    system.up(&["--no-deps", "--no-recreate", "--scale", &scale, service])?;
    subscribers.wait_for_rounds(2 * SUBSCRIBERS)?;
    for container in &old {
        system.remove_container(&container.name)?;
    }
    subscribers.wait_for_rounds(SUBSCRIBERS)
}
