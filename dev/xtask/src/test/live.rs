//! Checks against a running system: the demo, clients in other languages, the site in a browser.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_devkit::cargo::build_with_tests;
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::repo::Repo;
use aikagi_devkit::system::{Adjust, Options, System};
use aikagi_devkit::{ports, process, system_file};
use anyhow::{Context, Result};

use crate::site;
use crate::softphone::Softphone;
use crate::up::seed;

/// The directory of the clients. Each client is a directory in it with an executable `run`. The
/// executable takes the path of `state.json`, installs what it needs, and fails at the first
/// unexpected response.
const CLIENTS: &str = "examples";

/// Plays the subscriber's story, with two replicas of the services that store sessions and calls.
pub(super) fn story(repo: &Repo, console: Console) -> Result<()> {
    let replicas = BTreeMap::from([(Service::Authentication, 2), (Service::Issuance, 2)]);
    with_system(repo, console, Kind::plain(replicas), |binaries, state| {
        let mut demo = Command::new(process::executable(binaries, "demo")?);
        show(demo.arg("--quiet").arg("--state").arg(state), "the demo")
    })
}

/// Runs every client.
pub(super) fn clients(repo: &Repo, console: Console) -> Result<()> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(repo.root.join(CLIENTS))
        .with_context(|| format!("cannot read {CLIENTS}"))?
        .flatten()
        .map(|entry| entry.path().join("run"))
        .filter(|run| run.is_file())
        .collect();
    found.sort();
    with_system(repo, console, Kind::plain(BTreeMap::new()), |_, state| {
        for run in &found {
            let name = run
                .strip_prefix(&repo.root)
                .unwrap_or(run)
                .display()
                .to_string();
            console.step(&name);
            show(
                Command::new(run)
                    .arg("--state")
                    .arg(state)
                    .current_dir(&repo.root),
                &name,
            )?;
        }
        Ok(())
    })
}

/// Runs one of the site's scripts, such as its browser tests, against a running system.
pub(crate) fn browser(repo: &Repo, console: Console, script: &str) -> Result<()> {
    site::prepare_browser(repo, console)?;
    let kind = Kind {
        home: "browser",
        // SITE-1: the second edge has the profile of another operator.
        replicas: BTreeMap::from([(Service::Edge, 2)]),
        adjust: site::serve_briefly,
    };
    with_system(repo, console, kind, |binaries, state| {
        let home = state.parent().unwrap_or(state);
        let port = ports::free()?;
        let _softphone = Softphone::start(home, binaries, home, port)?;
        site::browse(repo, console, script, state, port)
    })
}

/// The differences between the systems of these checks.
struct Kind {
    /// The system's directory under `target/test`.
    home: &'static str,
    replicas: BTreeMap<Service, u16>,
    adjust: Adjust,
}

impl Kind {
    fn plain(replicas: BTreeMap<Service, u16>) -> Self {
        Self {
            home: "system",
            replicas,
            adjust: |_, _, _| {},
        }
    }
}

/// Runs the system as `up` does, but on free ports and without the data of earlier runs, until `work` returns. `work`
/// gets the directory of the executables and the path of `state.json`.
fn with_system(
    repo: &Repo,
    console: Console,
    kind: Kind,
    work: impl FnOnce(&Path, &Path) -> Result<()>,
) -> Result<()> {
    let home = repo.target.join("test").join(kind.home);
    let _ = std::fs::remove_dir_all(&home);
    let binaries = build_with_tests(repo)?;
    let options = Options {
        replicas: kind.replicas,
        adjust: kind.adjust,
        ..Options::apart(home.clone(), &binaries, false)?
    };
    let system = System::start(&options, |text| console.step(text))?;
    let done = seed(console, &system, &home, &binaries)
        .and_then(|()| work(&binaries, &home.join(system_file::NAME)));
    if done.is_err() {
        console.warning(&format!(
            "the services' logs are in {}",
            system.logs().display()
        ));
    }
    system.stop(|_| {});
    done
}
