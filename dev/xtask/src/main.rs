//! The developer's commands: `cargo xtask up` starts everything, `cargo xtask test` checks everything.

mod attacks;
mod bench;
mod call_test;
mod containers;
mod faults;
mod fuzz;
mod kubernetes;
mod prompts;
mod proto;
mod rules;
mod site;
mod softphone;
mod sqlx;
mod test;
mod tidy;
mod tools;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use aikagi_devkit::console::Console;
use aikagi_devkit::installation::certificates::Authority;
use aikagi_devkit::installation::workloads::{OutsideWorkload, Service};
use aikagi_devkit::repo::Repo;
use anyhow::Result;
use clap::{Parser, Subcommand};

/// The developer's commands of Aikagi.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install missing programs, build, and run the whole system until Ctrl-C.
    Up(up::Arguments),
    /// Run every check, in steps: format, rules, contracts, lints, licences, tests. Stops at the
    /// first step that fails.
    Test(test::Arguments),
    /// Play the subscriber's story against the system that `up` runs.
    Demo {
        /// Use the system that `docker compose up` started.
        #[arg(long)]
        compose: bool,
        /// Arguments of the demo itself.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Start a new system in containers, and test it: the story, disruptions, backup, upgrade and
    /// more.
    #[command(alias = "compose-test", disable_help_flag = true)]
    ContainerTest {
        /// Arguments of the test itself: `cargo xtask container-test --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Start a system and run a script of the site against it, such as `browser` (tests) or `screenshots`.
    Site {
        /// The name of the script in `frontends/site/package.json`.
        #[arg(default_value = "browser")]
        script: String,
    },
    /// Try the attacks that succeeded against similar systems, and print a verdict for each.
    #[command(alias = "abuse")]
    Attacks,
    /// Inject faults into the whole system while subscribers use it, and check its responses.
    Faults(faults::Arguments),
    /// Check the claims of docs/performance.md, each as a ratio of two values of one run.
    Bench(bench::Arguments),
    /// Make development certificates, or renew those that expire soon.
    Certs {
        /// The directory to write them to.
        #[arg(default_value = "target/certificates")]
        directory: PathBuf,
    },
    /// Write `.sqlx`, the metadata with which sqlx checks queries without a database.
    Sqlx {
        /// Write nothing; fail if `.sqlx` is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Make real calls through an Asterisk in a container.
    CallTest,
    /// Record the guidance that callers hear, in Japanese and English, into `deploy/asterisk/sounds`.
    Prompts,
    /// Fuzz everything that reads bytes from outside.
    Fuzz(fuzz::Arguments),
    /// List the rules and the tests that prove them. Fails if a rule has no test.
    Rules,
    /// Check the contracts: lint, format, and no change that breaks a client.
    Proto,
    /// Check the repository's own rules.
    Tidy(tidy::Arguments),
}

fn main() -> ExitCode {
    let console = Console::new();
    match run(Arguments::parse().command, console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.failure(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, console: Console) -> Result<()> {
    let repo = Repo::here()?;
    match command {
        Command::Up(arguments) => up::run(&repo, console, &arguments),
        Command::Test(arguments) => test::run(&repo, console, &arguments),
        Command::Demo {
            compose: true,
            arguments,
        } => containers::demo(&repo, console, &arguments),
        Command::Demo { arguments, .. } => up::demo(&repo, console, &arguments),
        Command::ContainerTest { arguments } => containers::test(&repo, &arguments),
        Command::Site { script } => test::live::browser(&repo, console, &script),
        Command::Attacks => attacks::run(&repo, console),
        Command::Faults(arguments) => faults::run(&repo, console, &arguments),
        Command::Bench(arguments) => bench::run(&repo, console, &arguments),
        Command::Certs { directory } => certs(console, &repo.root.join(directory)),
        Command::Sqlx { check } => sqlx::run(&repo, console, check),
        Command::Fuzz(arguments) => fuzz::run(&repo, console, &arguments),
        Command::CallTest => call_test::run(&repo, console),
        Command::Prompts => prompts::run(&repo, console),
        Command::Rules => rules::run(&repo, console),
        Command::Proto => proto::run(&repo, console),
        Command::Tidy(arguments) => tidy::run(&repo, console, &arguments),
    }
}

fn certs(console: Console, directory: &std::path::Path) -> Result<()> {
    let authority = Authority::open(directory)?;
    console.line(&authority.certificate().display().to_string());
    for service in Service::ALL {
        let identity = authority.issue(service.name(), &["localhost", service.name()])?;
        console.line(&identity.certificate.display().to_string());
    }
    for workload in OutsideWorkload::ALL {
        let identity = authority.issue(workload.name(), &[])?;
        console.line(&identity.certificate.display().to_string());
    }
    Ok(())
}
