//! The version before the last migration, built from this repository's history, and the way from it to this one as
//! docs/operations.md has it: both versions are at work together, and nobody notices.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Stage;
use super::disturbed::SERVICES;
use super::kept::witness;
use super::work::{NOTHING, SUBSCRIBERS, Work};
use aikagi_devkit::cargo::cargo;
use aikagi_devkit::command::show;
use aikagi_devkit::docker::images;
use aikagi_devkit::repo::Repo;

const MIGRATIONS: &str = "crates/ledger/migrations";
/// What the earlier version's containers need beside the compose file.
const OVERLAY: &str = "dev/xtask/src/compose/previous.yml";
/// The tag of the earlier version's images.
const TAG: &str = "previous";
/// Images that both versions share: the stores, and the jobs, which know the earlier schema, too.
const SHARED: [&str; 3] = ["tools", "postgres", "redis"];
/// How many of the earlier version's gateways: there are ports for three in all.
const GATEWAYS: usize = 1;
const REPLICAS: usize = 2;

/// INV-4, LOGIN-3: the upgrade of docs/operations.md.
pub(super) fn upgrade(stage: &Stage<'_>) -> Result<()> {
    let (commit, step) = match earlier(stage.repo) {
        Ok(earlier) => earlier,
        Err(error) => {
            stage.console.warning(&format!(
                "NO UPGRADE WAS TRIED: the earlier version is not in this copy's history: {error:#}"
            ));
            return Ok(());
        }
    };
    stage.console.step(&format!(
        "building {commit}, whose last migration is {step}"
    ));
    let binaries = build(stage.repo, &commit)?;
    stage.project.remove()?;
    images::replace(stage.repo, &binaries, &SERVICES)?;
    let before = Stage {
        project: stage
            .project
            .over(&[OVERLAY])
            .with("AIKAGI_VERSION", TAG)
            .with("AIKAGI_PREVIOUS_STEP", &step),
        ..stage.over(&[])
    };
    let made = before
        .project
        .run(&[&["build", "--quiet"][..], &SERVICES[..]].concat());
    // Whatever came of it, what is built next is this version again.
    images::prepare(stage.repo, stage.console, &stage.binaries)?;
    made?;
    for image in SHARED {
        let [ours, theirs] = [super::TAG, TAG].map(|tag| format!("aikagi/{image}:{tag}"));
        stage.project.engine.ask(&["tag", &ours, &theirs])?;
    }
    start(&before)?;
    witness(&before, "leave", "0311150001", 2)?;

    let work = Work::begin(stage, &stage.state()?)?;
    stage
        .project
        .run(&["run", "--rm", "--no-deps", "-T", "migrate"])?;
    work.rounds(SUBSCRIBERS)?;
    for service in SERVICES {
        replace(stage, service, &work)?;
    }
    work.end(stage, NOTHING)?;
    witness(stage, "find", "0311150001", 2)
}

/// The commit before the last migration was added, and the number of its own last migration.
fn earlier(repo: &Repo) -> Result<(String, String)> {
    let adding = [
        "log",
        "-1",
        "--diff-filter=A",
        "--format=%H",
        "--",
        &format!("{MIGRATIONS}/*.sql"),
    ];
    let added = repo.git(&adding)?;
    let commit = repo.git(&["rev-parse", &format!("{}^", added.trim())])?;
    let commit = commit.trim().to_owned();
    let files = repo.git(&["ls-tree", "--name-only", &format!("{commit}:{MIGRATIONS}")])?;
    let last = files
        .lines()
        .rfind(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|ending| ending == "sql")
        })
        .context("it has no migrations")?;
    Ok((
        commit,
        last.split('_').next().unwrap_or_default().to_owned(),
    ))
}

/// Builds its executables in a directory of their own; returns where they are.
fn build(repo: &Repo, commit: &str) -> Result<PathBuf> {
    let home = repo.target.join("previous");
    let source = home.join("source");
    repo.unpack(commit, &source)?;
    let to = home.join("build");
    let mut compile = cargo(repo, &["build", "--locked", "--workspace", "--bins"]);
    compile
        .current_dir(&source)
        .arg("--target-dir")
        .arg(&to)
        .env_remove("CARGO_TARGET_DIR");
    show(&mut compile, "the build of the earlier version")?;
    Ok(to.join("debug"))
}

/// Starts the earlier version, two of each service.
fn start(before: &Stage<'_>) -> Result<()> {
    let scales = SERVICES.map(|service| {
        let count = if service == "gateway" {
            GATEWAYS
        } else {
            REPLICAS
        };
        format!("{service}={count}")
    });
    let mut arguments = vec!["--no-build"];
    for scale in &scales {
        arguments.extend(["--scale", scale]);
    }
    before.up(&arguments)
}

/// As many new replicas beside the old ones; both work together for a while; then the old ones go.
fn replace(stage: &Stage<'_>, service: &str, work: &Work) -> Result<()> {
    let old = stage.project.containers(service)?;
    let scale = format!("{service}={}", 2 * old.len());
    stage.up(&["--no-deps", "--no-recreate", "--scale", &scale, service])?;
    work.rounds(2 * SUBSCRIBERS)?;
    for container in &old {
        let engine = stage.project.engine;
        engine.ask(&["stop", "--time=40", &container.name])?;
        engine.ask(&["rm", &container.name])?;
    }
    work.rounds(SUBSCRIBERS)
}
