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

use aikagi_devkit::certs::Authority;
use aikagi_devkit::console::Console;
use aikagi_devkit::repo::Repo;
use aikagi_devkit::settings::Service;
use aikagi_devkit::system::OUTSIDERS;
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
    /// Install what is missing, build, and run the whole system until Ctrl-C.
    Up(up::Arguments),
    /// Check everything: format, rules, contracts, lints, licences, tests.
    Test(test::Arguments),
    /// Play the subscriber's story against the system that `up` runs.
    Demo {
        /// Against the system that `docker compose up` started instead.
        #[arg(long)]
        compose: bool,
        /// Passed on to the demo.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Start the system in containers from nothing, and try it: the story, disruptions, a look from inside, and more.
    #[command(alias = "compose-test", disable_help_flag = true)]
    ContainerTest {
        /// `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run a script of the site with a system of its own behind it: `browser` tests, or `screenshots`.
    Site {
        /// The script, as `frontends/site/package.json` names it.
        #[arg(default_value = "browser")]
        script: String,
    },
    /// Try the attacks that succeeded against systems of this kind, and print a verdict for each.
    #[command(alias = "abuse")]
    Attacks,
    /// Let many lives go on while everything under them fails.
    Faults(faults::Arguments),
    /// Measure what we claim, as a ratio in one run.
    Bench(bench::Arguments),
    /// Make development certificates, or renew those that end soon.
    Certs {
        /// Where to.
        #[arg(default_value = "target/certificates")]
        directory: PathBuf,
    },
    /// Write `.sqlx` anew: what the checked queries look like to the database.
    Sqlx {
        /// Only compare; fail when `.sqlx` is stale.
        #[arg(long)]
        check: bool,
    },
    /// Make real calls through an Asterisk in a container.
    CallTest,
    /// Record anew what callers hear, in Japanese and English, into `deploy/asterisk/sounds`.
    Prompts,
    /// Let a fuzzer try what strangers' bytes can do.
    Fuzz(fuzz::Arguments),
    /// List rules and the tests that prove them; fail for a rule in scope without one.
    Rules,
    /// Check the contracts: lint, format, and nothing that breaks callers.
    Proto,
    /// Check the repository's own rules.
    Tidy,
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
        Command::Tidy => tidy::run(&repo, console),
    }
}

fn certs(console: Console, directory: &std::path::Path) -> Result<()> {
    let authority = Authority::open(directory)?;
    console.line(&authority.certificate().display().to_string());
    for service in Service::ALL {
        let identity = authority.issue(service.name(), &["localhost", service.name()])?;
        console.line(&identity.certificate.display().to_string());
    }
    for name in OUTSIDERS {
        console.line(
            &authority
                .issue(name, &[])?
                .certificate
                .display()
                .to_string(),
        );
    }
    Ok(())
}
