//! `cargo xtask test`: everything that has to hold, in order, the quick things first.

pub(crate) mod live;

use std::time::{Duration, Instant};

use aikagi_devkit::cargo::{build_with_tests, cargo};
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::paths::private_directory;
use aikagi_devkit::postgres::{self, Cluster, SUPERUSER, TEST_POSTGRES};
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail};

use crate::tools::{self, Subcommand};
use crate::up::lock;
use crate::{attacks, bench, call_test, containers, kubernetes, proto, rules, site, sqlx, tidy};

/// The tests of the alert rules.
const ALERTS: &str = "deploy/observability/alerts.test.yml";

/// What to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave out what takes long and seldom fails: licences, query metadata, documentation examples, clients.
    #[arg(long)]
    fast: bool,
    /// Only these steps, by name.
    #[arg(long = "step", value_name = "NAME")]
    steps: Vec<String>,
    /// Run only the tests whose names contain this, and no other step.
    filter: Option<String>,
}

/// What the steps share.
struct Run<'a> {
    repo: &'a Repo,
    console: Console,
    filter: Option<&'a str>,
    /// The private PostgreSQL, once a step has needed it.
    cluster: Option<Cluster>,
}

/// One step.
struct Step {
    name: &'static str,
    /// What it shows, in a few words.
    about: &'static str,
    /// `--fast` leaves it out.
    slow: bool,
    run: fn(&mut Run<'_>) -> Result<()>,
}

/// All steps, in order. A new kind of check is a new line here.
const STEPS: [Step; 21] = [
    Step {
        name: "install",
        about: "what is missing on this machine",
        slow: false,
        run: install,
    },
    Step {
        name: "fmt",
        about: "the sources are formatted",
        slow: false,
        run: fmt,
    },
    Step {
        name: "tidy",
        about: "the repository's own rules",
        slow: false,
        run: |run| tidy::run(run.repo, run.console),
    },
    Step {
        name: "rules",
        about: "each rule in scope has a test",
        slow: false,
        run: |run| rules::check(run.repo, run.console),
    },
    Step {
        name: "proto",
        about: "the contracts are well formed and break nobody",
        slow: false,
        run: |run| proto::run(run.repo, run.console),
    },
    Step {
        name: "deny",
        about: "licences, sources and advisories of what is built in",
        slow: true,
        run: deny,
    },
    Step {
        name: "sqlx",
        about: "the checked queries' metadata is fresh",
        slow: true,
        run: queries,
    },
    Step {
        name: "clippy",
        about: "lints",
        slow: false,
        run: clippy,
    },
    Step {
        name: "build",
        about: "the executables and the tests",
        slow: false,
        run: |run| build_with_tests(run.repo).map(|_| ()),
    },
    Step {
        name: "tests",
        about: "unit, integration and end-to-end tests",
        slow: false,
        run: tests,
    },
    Step {
        name: "attacks",
        about: "every attack is stopped",
        slow: true,
        run: |run| attacks::run(run.repo, run.console),
    },
    Step {
        name: "bench",
        about: "what is claimed about speed can be measured",
        slow: true,
        run: |run| bench::short(run.repo, run.console),
    },
    Step {
        name: "story",
        about: "the demo plays the subscriber's story against the five services",
        slow: true,
        run: |run| live::story(run.repo, run.console),
    },
    Step {
        name: "clients",
        about: "clients in other languages log in",
        slow: true,
        run: |run| live::clients(run.repo, run.console),
    },
    Step {
        name: "site",
        about: "the settings site: types, lints, unit tests, size",
        slow: true,
        run: |run| {
            if site::has_node(run.console)? {
                site::check(run.repo, run.console)
            } else {
                Ok(())
            }
        },
    },
    Step {
        name: "browser",
        about: "the settings site in a browser, with the system behind it",
        slow: true,
        run: |run| {
            if site::has_node(run.console)? {
                live::browser(run.repo, run.console, "browser")
            } else {
                Ok(())
            }
        },
    },
    Step {
        name: "alerts",
        about: "each alert fires when it has to, and is silent otherwise",
        slow: true,
        run: alerts,
    },
    Step {
        name: "kubernetes",
        about: "the manifests fit Kubernetes' schemas, and docker-compose.yml",
        slow: true,
        run: |run| kubernetes::check(run.repo, run.console),
    },
    Step {
        name: "containers",
        about: "the system in containers: scaled, restarted, killed, restored",
        slow: true,
        run: |run| containers::quick_test(run.repo),
    },
    Step {
        name: "calls",
        about: "real calls through an Asterisk in a container",
        slow: true,
        run: |run| call_test::run(run.repo, run.console),
    },
    Step {
        name: "examples",
        about: "examples in the documentation",
        slow: true,
        run: examples,
    },
];

/// Runs the steps; stops at the first that fails.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let home = private_directory(&repo.target.join("test"))?;
    let _lock = lock(
        &home.join("lock"),
        "another `cargo xtask test` is running here",
    )?;
    if let Some(name) = arguments
        .steps
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("no step {name}; there are {}", names.join(", "));
    }
    let chosen: Vec<&Step> = STEPS.iter().filter(|step| arguments.wants(step)).collect();
    let mut run = Run {
        repo,
        console,
        filter: arguments.filter.as_deref(),
        cluster: None,
    };
    let mut times = Vec::new();
    let begun = Instant::now();
    for (index, step) in chosen.iter().enumerate() {
        console.heading(&format!(
            "[{}/{}] {}: {}",
            index + 1,
            chosen.len(),
            step.name,
            step.about
        ));
        let start = Instant::now();
        let done = (step.run)(&mut run);
        times.push((step.name, start.elapsed()));
        if let Err(error) = done {
            show_times(console, &times);
            return Err(error.context(format!("step {} failed", step.name)));
        }
    }
    show_times(console, &times);
    console.success(&format!(
        "all {} steps passed in {}",
        times.len(),
        clock(begun.elapsed())
    ));
    Ok(())
}

impl Arguments {
    fn wants(&self, step: &Step) -> bool {
        if self.filter.is_some() {
            return matches!(step.name, "install" | "build" | "tests");
        }
        if !self.steps.is_empty() {
            return self.steps.iter().any(|name| name == step.name);
        }
        !(self.fast && step.slow)
    }
}

impl Run<'_> {
    /// The private PostgreSQL of this run, empty at its beginning.
    fn cluster(&mut self) -> Result<&Cluster> {
        if self.cluster.is_none() {
            let dir = self.repo.target.join("test/postgres");
            // What a killed run left is of no use, and its server ended with it.
            let _ = std::fs::remove_dir_all(&dir);
            self.cluster = Some(Cluster::start(&dir, postgres::Options::default())?);
        }
        self.cluster.as_ref().context("no PostgreSQL")
    }
}

fn install(run: &mut Run<'_>) -> Result<()> {
    let tools = [
        Tool::CCompiler,
        Tool::PostgreSql,
        Tool::Redis,
        Tool::Clock,
        Tool::Node,
        Tool::Python,
    ];
    install::ensure(&tools, run.console)
}

fn fmt(run: &mut Run<'_>) -> Result<()> {
    show(
        &mut cargo(run.repo, &["fmt", "--all", "--check"]),
        "cargo fmt --check",
    )
}

fn clippy(run: &mut Run<'_>) -> Result<()> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ];
    show(&mut cargo(run.repo, &arguments), "cargo clippy")
}

fn alerts(run: &mut Run<'_>) -> Result<()> {
    install::ensure(&[Tool::Promtool], run.console)?;
    let mut promtool = std::process::Command::new("promtool");
    promtool
        .args(["test", "rules", ALERTS])
        .current_dir(&run.repo.root);
    show(&mut promtool, "promtool")
}

fn deny(run: &mut Run<'_>) -> Result<()> {
    let deny = |arguments: &[&str]| -> Result<_> {
        let mut command = tools::subcommand(run.repo, run.console, Subcommand::Deny)?;
        command.args(arguments);
        Ok(command)
    };
    show(
        &mut deny(&["check", "bans", "licenses", "sources"])?,
        "cargo deny",
    )?;
    let mut fetch = deny(&["fetch", "db"])?;
    if aikagi_devkit::command::run(&mut fetch).is_err() {
        run.console.warning(
            "ADVISORIES WERE NOT CHECKED: their database cannot be fetched from here. Everything else was.",
        );
        return Ok(());
    }
    show(
        &mut deny(&["check", "--disable-fetch", "advisories"])?,
        "cargo deny check advisories",
    )
}

fn queries(run: &mut Run<'_>) -> Result<()> {
    let (repo, console) = (run.repo, run.console);
    sqlx::with_cluster(repo, console, run.cluster()?, true)
}

fn tests(run: &mut Run<'_>) -> Result<()> {
    let url = run.cluster()?.url("postgres", SUPERUSER);
    let mut command = match tools::subcommand(run.repo, run.console, Subcommand::Nextest) {
        Ok(mut nextest) => {
            nextest
                .args(["run", "--workspace", "--no-fail-fast"])
                .args(run.filter);
            nextest
        }
        Err(error) => {
            run.console
                .warning(&format!("tests run without nextest: {error:#}"));
            let mut plain = cargo(
                run.repo,
                &["test", "--workspace", "--all-targets", "--no-fail-fast"],
            );
            plain.args(run.filter);
            plain
        }
    };
    show(command.env(TEST_POSTGRES, url), "the tests")
}

fn examples(run: &mut Run<'_>) -> Result<()> {
    let url = run.cluster()?.url("postgres", SUPERUSER);
    let mut command = cargo(run.repo, &["test", "--workspace", "--doc", "--quiet"]);
    show(
        command.env(TEST_POSTGRES, url),
        "the documentation's examples",
    )
}

fn show_times(console: Console, times: &[(&str, Duration)]) {
    for (name, time) in times {
        console.line(&format!("  {name:<10} {:>8}", clock(*time)));
    }
}

fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(fast: bool, steps: &[&str], filter: Option<&str>) -> Vec<&'static str> {
        let arguments = Arguments {
            fast,
            steps: steps.iter().map(|name| (*name).to_owned()).collect(),
            filter: filter.map(ToOwned::to_owned),
        };
        STEPS
            .iter()
            .filter(|step| arguments.wants(step))
            .map(|step| step.name)
            .collect()
    }

    #[test]
    fn steps_are_chosen_as_asked() {
        assert_eq!(wanted(false, &[], None).len(), STEPS.len());
        assert!(!wanted(true, &[], None).contains(&"deny"));
        assert!(wanted(true, &[], None).contains(&"clippy"));
        assert_eq!(wanted(false, &["deny", "fmt"], None), ["fmt", "deny"]);
        assert_eq!(
            wanted(false, &[], Some("login")),
            ["install", "build", "tests"]
        );
    }

    #[test]
    fn times_are_minutes_and_seconds() {
        assert_eq!(clock(Duration::from_secs(125)), "2:05");
    }
}
