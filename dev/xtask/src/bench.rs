//! `cargo xtask bench`: checks the claims of docs/performance.md about speed and memory. Each
//! result is a ratio of two values of one run.

use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_devkit::cargo::{SYSTEM, build, build_with_tests, cargo};
use aikagi_devkit::command::{self, show};
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::installation::files::private_directory;
use aikagi_devkit::process;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result};

/// The program that makes hashes with the reference library.
const REFERENCE: &str = "dev/bench/reference.c";
const REFERENCE_FLAGS: [&str; 3] = ["-O3", "-largon2", "-lpthread"];

/// The benchmarks of single crates.
const MICRO: [&str; 4] = ["--bench", "rules", "--bench", "bare"];

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only check that every benchmark runs: one second for each, without optimisation and without
    /// checking bounds.
    #[arg(long, global = true)]
    short: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Three measures: logins compared with Argon2id of the reference library, one login compared
    /// with its hash, and waiting times.
    Login,
    /// Session checks compared with an echo RPC over mutual TLS, and with the highest rate of each
    /// store.
    Sessions,
    /// Turns of calls compared with an echo RPC over mutual TLS.
    Turns,
    /// The unit migration of a line of 32 numbers compared with the hashes that it makes.
    Migration,
    /// Successful logins under ten times the load that the system can serve.
    Overload,
    /// Logins among ten million numbers compared with logins among ten thousand.
    Scale,
    /// The times of refused logins, which must not depend on the number.
    Enumeration,
    /// Resident memory, and the time until each service is ready.
    Rest,
    /// Bulk import compared with COPY of the same rows.
    Import {
        /// The number of lines, with three numbers each. The default is a million, or 20 thousand
        /// with --short.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=9_000_000))]
        lines: Option<u64>,
    },
    /// The hot paths of our own code one by one, compared with the cryptography that they use.
    Micro,
    /// All benchmarks.
    All,
}

impl What {
    /// The names of these benchmarks in the program `bench`.
    const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::Login => &["login"],
            Self::Sessions => &["sessions"],
            Self::Turns => &["turns"],
            Self::Migration => &["migration"],
            Self::Overload => &["overload"],
            Self::Scale => &["scale"],
            Self::Enumeration => &["enumeration"],
            Self::Rest => &["rest"],
            Self::Import { .. } => &["import"],
            Self::Micro => &[],
            Self::All => &[
                "login",
                "sessions",
                "turns",
                "migration",
                "overload",
                "scale",
                "enumeration",
                "rest",
                "import",
            ],
        }
    }

    /// Options for the program `bench`.
    fn options(&self) -> Vec<String> {
        match self {
            Self::Import { lines: Some(lines) } => vec![format!("--lines={lines}")],
            _ => Vec::new(),
        }
    }
}

/// Checks that everything can be measured.
pub(crate) fn short(repo: &Repo, console: Console) -> Result<()> {
    let arguments = Arguments {
        short: true,
        what: What::All,
    };
    run(repo, console, &arguments)
}

/// Runs the benchmarks. Fails if a bound is not kept.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let tools = [Tool::CCompiler, Tool::Argon2, Tool::PostgreSql, Tool::Redis];
    install::ensure(&tools, console)?;
    let binaries = if arguments.short {
        build_with_tests(repo)?
    } else {
        console.step("building with optimisation");
        build(repo, &[&SYSTEM[..], &["aikagi-bench"]].concat(), true)?
    };
    let measured = if arguments.what.names().is_empty() {
        Ok(())
    } else {
        measure(repo, console, &binaries, arguments)
    };
    // The benchmarks of single crates run even if a bound is not kept: `and` only combines the
    // results.
    let others = match &arguments.what {
        What::Micro | What::All => micro(repo, arguments.short),
        _ => Ok(()),
    };
    measured.and(others)
}

/// Runs the benchmarks of single crates. With `short`, each benchmark runs once as a test, which
/// [`build_with_tests`] has built.
fn micro(repo: &Repo, short: bool) -> Result<()> {
    let how: &[&str] = if short {
        &["test", "--workspace"]
    } else {
        &[
            "bench",
            "--package",
            "aikagi-domain",
            "--package",
            "aikagi-hashing",
        ]
    };
    show(cargo(repo, how).args(MICRO), "a benchmark")
}

fn measure(repo: &Repo, console: Console, binaries: &Path, arguments: &Arguments) -> Result<()> {
    let names = arguments.what.names();
    let home = private_directory(&repo.target.join("bench"))?;
    let reference = reference(repo, &home)?;
    let report = home.join(format!("{}.json", names.join("-")));
    let work = private_directory(&home.join("system"))?;
    console.step("measuring");
    let mut bench = Command::new(process::executable(binaries, "bench")?);
    bench
        .args(["measure", "--binaries"])
        .arg(binaries)
        .arg("--home")
        .arg(&work)
        .arg("--reference")
        .arg(&reference)
        .arg("--report")
        .arg(&report)
        .args(arguments.short.then_some("--short"))
        .args(arguments.what.options())
        .args(names);
    let measured = show(&mut bench, "a measurement or a bound");
    let _ = std::fs::remove_dir_all(&work);
    measured?;
    console.success(&format!(
        "measured; the report as JSON: {}",
        report.display()
    ));
    Ok(())
}

fn reference(repo: &Repo, home: &Path) -> Result<PathBuf> {
    let program = home.join("argon2-reference");
    let mut compile = Command::new("cc");
    compile
        .arg(repo.root.join(REFERENCE))
        .arg("-o")
        .arg(&program)
        .args(REFERENCE_FLAGS);
    command::run(&mut compile).context("the reference program does not compile")?;
    Ok(program)
}
