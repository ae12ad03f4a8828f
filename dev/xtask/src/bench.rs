//! `cargo xtask bench`: what we claim about speed and memory, as ratios in one run.

mod import;

use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_devkit::cargo::{build, build_with_tests, cargo};
use aikagi_devkit::command::{self, show};
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::paths::private_directory;
use aikagi_devkit::process;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result};

/// What makes hashes with the reference library.
const REFERENCE: &str = "dev/bench/reference.c";
const REFERENCE_FLAGS: [&str; 3] = ["-O3", "-largon2", "-lpthread"];

/// The crates' own benchmarks.
const MICRO: [&str; 4] = ["--bench", "rules", "--bench", "bare"];

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// See only that it can be measured: figures of a second, without optimisation, held against no bound.
    #[arg(long, global = true)]
    short: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Logins against raw Argon2id of the reference library, one login against its hash, and waiting times.
    Login,
    /// Session checks against a bare echo over mutual TLS, and against what each store can answer at all.
    Sessions,
    /// Turns of calls against a bare echo over mutual TLS.
    Turns,
    /// The migration of a line of 32 numbers against the hashes that it has to make.
    Migration,
    /// Logins that succeed when ten times as many come as can be served.
    Overload,
    /// Logins among ten million numbers against logins among ten thousand.
    Scale,
    /// What the time of a refusal tells about a number.
    Enumeration,
    /// Resident memory, and the time until each service is ready.
    Rest,
    /// Bulk import against raw COPY of the same rows.
    Import(import::Arguments),
    /// The hot paths that are ours, each alone, beside what it stands on.
    Micro,
    /// All of it.
    All,
}

impl What {
    /// What the measuring program calls it.
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
            Self::Import(_) | Self::Micro => &[],
            Self::All => &[
                "login",
                "sessions",
                "turns",
                "migration",
                "overload",
                "scale",
                "enumeration",
                "rest",
            ],
        }
    }
}

/// Sees that everything can be measured.
pub(crate) fn short(repo: &Repo, console: Console) -> Result<()> {
    let arguments = Arguments {
        short: true,
        what: What::All,
    };
    run(repo, console, &arguments)
}

/// Measures, and fails when a bound is not kept.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let tools = [Tool::CCompiler, Tool::Argon2, Tool::PostgreSql, Tool::Redis];
    install::ensure(&tools, console)?;
    let binaries = if arguments.short {
        build_with_tests(repo)?
    } else {
        console.step("building with optimisation");
        build(repo, true)?
    };
    let names = arguments.what.names();
    let measured = if names.is_empty() {
        Ok(())
    } else {
        measure(repo, console, &binaries, arguments.short, names)
    };
    // Whether or not its bounds were kept: `and` takes what has been done already.
    let others = match &arguments.what {
        What::Import(import) => import::run(repo, console, &binaries, import, arguments.short),
        What::Micro => micro(repo, arguments.short),
        What::All => {
            let import = import::Arguments::default();
            let imported = import::run(repo, console, &binaries, &import, arguments.short);
            imported.and(micro(repo, arguments.short))
        }
        _ => Ok(()),
    };
    measured.and(others)
}

/// The crates' own benchmarks. As tests each runs once, out of what [`build_with_tests`] has built.
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

fn measure(
    repo: &Repo,
    console: Console,
    binaries: &Path,
    short: bool,
    names: &[&str],
) -> Result<()> {
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
        .args(short.then_some("--short"))
        .args(names);
    let measured = show(&mut bench, "a bound");
    let _ = std::fs::remove_dir_all(&work);
    measured?;
    console.success(&format!("measured; as JSON: {}", report.display()));
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
