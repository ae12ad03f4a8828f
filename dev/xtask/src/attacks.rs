//! `cargo xtask attacks`: tries the attacks of `tests/attacks.toml`, and prints a verdict for each.
//! `cargo xtask test` runs the tests of these attacks, too.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};

use aikagi_devkit::cargo::build_with_tests;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::postgres::{self, Cluster, SUPERUSER, TEST_POSTGRES};
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::tools::{self, Subcommand};

const LIST: &str = "tests/attacks.toml";

/// The size of the attacks that one host makes, as a multiple of their size in `cargo xtask test`.
const SIEGE_TIMES: &str = "4";

/// The content of `tests/attacks.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    attack: Vec<Attack>,
}

/// An attack and the tests that try it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    /// What the attacker tries.
    attempt: String,
    /// The names of the test functions.
    tests: Vec<String>,
}

impl List {
    fn read(repo: &Repo) -> Result<Self> {
        toml::from_str(&repo.read(Path::new(LIST))?).context(LIST)
    }

    fn tests(&self) -> impl Iterator<Item = &str> {
        let tests = self.attack.iter().flat_map(|attack| &attack.tests);
        tests.map(String::as_str)
    }
}

/// Tries every attack. Fails if an attack succeeds, or if one of its tests does not exist.
pub(crate) fn run(repo: &Repo, console: Console) -> Result<()> {
    let list = List::read(repo)?;
    let tools = [Tool::CCompiler, Tool::PostgreSql, Tool::Redis];
    install::ensure(&tools, console)?;
    build_with_tests(repo)?;
    let dir = repo.target.join("attacks-postgres");
    let _ = std::fs::remove_dir_all(&dir);
    let cluster = Cluster::start(&dir, postgres::Options::default())?;
    let passed = passed(repo, console, &cluster, &list)?;
    drop(cluster);
    let _ = std::fs::remove_dir_all(&dir);
    let mut succeeded = 0;
    for attack in &list.attack {
        let failed: Vec<&str> = attack
            .tests
            .iter()
            .map(String::as_str)
            .filter(|test| !passed.contains(*test))
            .collect();
        if failed.is_empty() {
            console.line(&format!("  stopped    {}", attack.attempt));
        } else {
            succeeded += 1;
            console.line(&format!(
                "  SUCCEEDED  {}: see {}",
                attack.attempt,
                failed.join(", ")
            ));
        }
    }
    let all = list.attack.len();
    if succeeded > 0 {
        bail!("{succeeded} of {all} attacks succeeded");
    }
    console.success(&format!("all {all} attacks were stopped"));
    Ok(())
}

/// Runs the tests of all attacks, and returns the names of those that passed.
fn passed(
    repo: &Repo,
    console: Console,
    cluster: &Cluster,
    list: &List,
) -> Result<BTreeSet<String>> {
    let filter: Vec<String> = list
        .tests()
        .map(|test| format!("test(/(^|::){test}$/)"))
        .collect();
    console.step("trying every attack");
    let mut nextest = tools::subcommand(repo, console, Subcommand::Nextest)?;
    nextest
        .args([
            "run",
            "--workspace",
            "--no-fail-fast",
            "--status-level",
            "fail",
        ])
        .args(["--message-format", "libtest-json"])
        .args(["--filterset", &filter.join(" | ")])
        .env("NEXTEST_EXPERIMENTAL_LIBTEST_JSON", "1")
        .env("AIKAGI_SIEGE_TIMES", SIEGE_TIMES)
        .env(TEST_POSTGRES, cluster.url("postgres", SUPERUSER))
        .stdout(Stdio::piped());
    let output = nextest
        .spawn()
        .and_then(Child::wait_with_output)
        .context("cannot run the tests")?;
    Ok(names_of_passed(&String::from_utf8_lossy(&output.stdout)))
}

/// A line of libtest's JSON output.
#[derive(Debug, Deserialize)]
struct TestEvent {
    #[serde(rename = "type")]
    of: String,
    event: String,
    #[serde(default)]
    name: String,
}

/// Reads libtest's lines of JSON, and returns the function names of the tests that passed. If
/// several tests have the same name, all of them must pass.
fn names_of_passed(lines: &str) -> BTreeSet<String> {
    let events: Vec<TestEvent> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|event: &TestEvent| event.of == "test")
        .collect();
    let names = |result: &str| -> BTreeSet<String> {
        let events = events.iter().filter(|event| event.event == result);
        events
            .filter_map(|event| event.name.rsplit(['$', ':']).next())
            .map(str::to_owned)
            .collect()
    };
    &names("ok") - &names("failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_passed_tests_are_read() {
        let lines = r#"{"type":"suite","event":"started","test_count":2}
            {"type":"test","event":"ok","name":"aikagi-e2e::e2e$login::one","exec_time":0.1}
            {"type":"test","event":"failed","name":"aikagi-e2e::e2e$login::other"}
            {"type":"test","event":"ok","name":"aikagi-e2e::e2e$login::twice"}
            {"type":"test","event":"failed","name":"aikagi-e2e::e2e$password::twice"}"#;
        assert_eq!(names_of_passed(lines), BTreeSet::from(["one".to_owned()]));
    }

    #[test]
    fn every_test_of_an_attack_is_in_the_tree() {
        let repo = Repo::here().unwrap();
        let sources = repo
            .git(&["grep", "-hoE", "fn [a-z_0-9]+\\(", "--", "*.rs"])
            .unwrap();
        let known: BTreeSet<&str> = sources
            .lines()
            .filter_map(|line| line.strip_prefix("fn ")?.strip_suffix('('))
            .collect();
        let list = List::read(&repo).unwrap();
        assert!(list.tests().count() > 0);
        for test in list.tests() {
            assert!(known.contains(test), "{test}");
        }
    }
}
