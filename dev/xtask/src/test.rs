//! `cargo xtask test`: runs every check in order, most of the quick ones first.

pub(crate) mod live;

use std::time::{Duration, Instant};

use aikagi_devkit::cargo::{build_with_tests, cargo};
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::installation::files::private_directory;
use aikagi_devkit::postgres::{self, Cluster, SUPERUSER, TEST_POSTGRES};
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail};

use crate::tools::{self, Subcommand};
use crate::up::lock;
use crate::{attacks, bench, call_test, containers, kubernetes, proto, rules, site, sqlx, tidy};

/// The tests of the alert rules.
const ALERTS: &str = "deploy/observability/alerts.test.yml";

/// The choice of checks.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave out the steps that take long and seldom fail, such as licences, clients and containers.
    #[arg(long)]
    fast: bool,
    /// Run only these steps, by name.
    #[arg(long = "step", value_name = "NAME")]
    steps: Vec<String>,
    /// Run only the tests whose names contain this text. Of the other steps, run only `install` and `build`.
    filter: Option<String>,
}

/// The state that the checks share.
struct Run<'a> {
    repo: &'a Repo,
    console: Console,
    filter: Option<&'a str>,
    /// The private PostgreSQL. The first check that needs it starts it.
    cluster: Option<Cluster>,
}

/// One check: a step of the test.
struct Check {
    /// The name of the step, for `--step`.
    name: &'static str,
    /// The fact that it checks, in a few words.
    about: &'static str,
    /// True if `--fast` leaves it out.
    slow: bool,
    run: fn(&mut Run<'_>) -> Result<()>,
}

/// All checks, in order.
const CHECKS: [Check; 21] = [
    Check {
        name: "install",
        about: "programs that are missing on this machine are installed",
        slow: false,
        run: install,
    },
    Check {
        name: "fmt",
        about: "the sources are formatted",
        slow: false,
        run: fmt,
    },
    Check {
        name: "tidy",
        about: "the repository's own rules",
        slow: false,
        run: |run| tidy::run(run.repo, run.console, &tidy::Arguments::default()),
    },
    Check {
        name: "rules",
        about: "a test and code cite each rule",
        slow: false,
        run: |run| rules::check(run.repo, run.console),
    },
    Check {
        name: "proto",
        about: "the contracts follow the rules and break no client",
        slow: false,
        run: |run| proto::run(run.repo, run.console),
    },
    Check {
        name: "deny",
        about: "licences, sources and advisories of the dependencies",
        slow: true,
        run: deny,
    },
    Check {
        name: "sqlx",
        about: "the metadata of checked queries is up to date",
        slow: true,
        run: queries,
    },
    Check {
        name: "clippy",
        about: "lints",
        slow: false,
        run: clippy,
    },
    Check {
        name: "build",
        about: "the executables and the tests compile",
        slow: false,
        run: |run| build_with_tests(run.repo).map(|_| ()),
    },
    Check {
        name: "tests",
        about: "unit, integration and end-to-end tests",
        slow: false,
        run: tests,
    },
    Check {
        name: "attacks",
        about: "every attack is stopped",
        slow: true,
        run: |run| attacks::run(run.repo, run.console),
    },
    Check {
        name: "bench",
        about: "every benchmark runs; no bound is checked",
        slow: true,
        run: |run| bench::short(run.repo, run.console),
    },
    Check {
        name: "story",
        about: "the demo plays the subscriber's story against the six services",
        slow: true,
        run: |run| live::story(run.repo, run.console),
    },
    Check {
        name: "clients",
        about: "clients in other languages log in; a settings back end works behind Envoy",
        slow: true,
        run: |run| live::clients(run.repo, run.console),
    },
    Check {
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
    Check {
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
    Check {
        name: "alerts",
        about: "each alert fires when it must, and only then",
        slow: true,
        run: alerts,
    },
    Check {
        name: "kubernetes",
        about: "the manifests match Kubernetes' schemas and docker-compose.yml",
        slow: true,
        run: |run| kubernetes::check(run.repo, run.console),
    },
    Check {
        name: "containers",
        about: "the system in containers: scaled, restarted, killed, restored",
        slow: true,
        run: |run| containers::quick_test(run.repo),
    },
    Check {
        name: "calls",
        about: "real calls through an Asterisk in a container",
        slow: true,
        run: |run| call_test::run(run.repo, run.console),
    },
    Check {
        name: "examples",
        about: "the examples in doc comments run",
        slow: true,
        run: examples,
    },
];

/// Runs the checks. Stops at the first check that fails.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let home = private_directory(&repo.target.join("test"))?;
    let _lock = lock(
        &home.join("lock"),
        "another `cargo xtask test` is running here",
    )?;
    if let Some(name) = arguments
        .steps
        .iter()
        .find(|name| CHECKS.iter().all(|check| check.name != **name))
    {
        let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        bail!(
            "there is no step {name}; the steps are {}",
            names.join(", ")
        );
    }
    let chosen: Vec<&Check> = CHECKS
        .iter()
        .filter(|check| arguments.wants(check))
        .collect();
    let mut run = Run {
        repo,
        console,
        filter: arguments.filter.as_deref(),
        cluster: None,
    };
    let mut times = Vec::new();
    let start = Instant::now();
    for (index, check) in chosen.iter().enumerate() {
        console.heading(&format!(
            "[{}/{}] {}: {}",
            index + 1,
            chosen.len(),
            check.name,
            check.about
        ));
        let check_start = Instant::now();
        let done = (check.run)(&mut run);
        times.push((check.name, check_start.elapsed()));
        if let Err(error) = done {
            show_times(console, &times);
            return Err(error.context(format!("step {} failed", check.name)));
        }
    }
    show_times(console, &times);
    console.success(&format!(
        "all {} steps passed in {}",
        times.len(),
        clock(start.elapsed())
    ));
    Ok(())
}

impl Arguments {
    fn wants(&self, check: &Check) -> bool {
        if self.filter.is_some() {
            return matches!(check.name, "install" | "build" | "tests");
        }
        if !self.steps.is_empty() {
            return self.steps.iter().any(|name| name == check.name);
        }
        !(self.fast && check.slow)
    }
}

impl Run<'_> {
    /// The private PostgreSQL of this run, which starts empty.
    fn cluster(&mut self) -> Result<&Cluster> {
        if self.cluster.is_none() {
            let dir = self.repo.target.join("test/postgres");
            // A killed run may have left its data. Its server has ended.
            let _ = std::fs::remove_dir_all(&dir);
            self.cluster = Some(Cluster::start(&dir, postgres::Options::default())?);
        }
        self.cluster.as_ref().context("PostgreSQL was not started")
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
            "ADVISORIES WERE NOT CHECKED: their database cannot be downloaded here. Everything else was checked.",
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
                .warning(&format!("the tests run without nextest: {error:#}"));
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
        CHECKS
            .iter()
            .filter(|check| arguments.wants(check))
            .map(|check| check.name)
            .collect()
    }

    #[test]
    fn the_arguments_choose_the_checks() {
        assert_eq!(wanted(false, &[], None).len(), CHECKS.len());
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
