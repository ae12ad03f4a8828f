//! `cargo xtask faults`: injects faults into the whole system while subscribers use it
//! (`tests/e2e/tests/faults.rs`). With `--flaws`, it breaks the system on purpose, with one flaw at
//! a time. The test must find each flaw.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aikagi_devkit::cargo::{build_with_tests, cargo};
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::installation::random::random_hexadecimal;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail, ensure};

use crate::tools::{self, Subcommand};

/// The directory of the flaws. Each flaw is a patch of the sources.
const FLAWS: &str = "tests/flaws";
const TEST: &str = "lines_survive_faults";
/// Texts in the test's output that show that it has found a flaw.
const FOUND: [&str; 3] = [
    "no order explains",
    "the audit trail",
    "logins still fail after the faults",
];

/// The options of `cargo xtask faults`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Use one system and a few rounds, as `cargo xtask test` does.
    #[arg(long)]
    short: bool,
    /// Start with this seed, which repeats the random choices of an earlier run. The default is random.
    #[arg(long)]
    seed: Option<u32>,
    /// Run this many seeds, one after another, counting up from the first.
    #[arg(long, default_value_t = 1)]
    seeds: u32,
    /// Minutes for each seed.
    #[arg(long, default_value_t = 6)]
    minutes: u32,
    /// Break the system on purpose instead, with each flaw in turn. The test must find each flaw
    /// within the minutes.
    #[arg(long)]
    flaws: bool,
}

/// Injects faults. Fails if the rules do not explain the responses, or if something is lost.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let tools = [Tool::CCompiler, Tool::PostgreSql, Tool::Redis, Tool::Clock];
    install::ensure(&tools, console)?;
    if arguments.flaws {
        return find_flaws(repo, console, arguments);
    }
    build_with_tests(repo)?;
    let first = match arguments.seed {
        Some(seed) => seed,
        None => random_seed()?,
    };
    for seed in (0..arguments.seeds.max(1)).map(|next| first.wrapping_add(next)) {
        console.heading(&format!("seed {seed}"));
        let mut test = test(repo, console)?;
        test.env("AIKAGI_FAULTS_SEED", seed.to_string());
        if !arguments.short {
            test.env("AIKAGI_FAULTS_MINUTES", arguments.minutes.to_string());
        }
        show(&mut test, &format!("the run of seed {seed}"))?;
    }
    console.success("the rules explain every response, and nothing is lost");
    Ok(())
}

fn random_seed() -> Result<u32> {
    let random = random_hexadecimal()?;
    let seed = random.get(..8).unwrap_or(&random);
    u32::from_str_radix(seed, 16).context("cannot choose a seed")
}

fn test(repo: &Repo, console: Console) -> Result<Command> {
    let mut nextest = tools::subcommand(repo, console, Subcommand::Nextest)?;
    nextest
        .args(["run", "--workspace", "--no-capture"])
        .args(["--filterset", &format!("test(/::{TEST}$/)")]);
    Ok(nextest)
}

/// Builds the system with each flaw in turn, and runs the test. The test must fail because of the
/// flaw.
fn find_flaws(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let mut missed = Vec::new();
    for flaw in flaws(&repo.root)? {
        let name = flaw.file_stem().unwrap_or_default().to_string_lossy();
        console.heading(&name);
        if is_found(repo, console, arguments, &flaw)? {
            console.line(&format!("  found   {name}"));
        } else {
            console.line(&format!("  MISSED  {name}"));
            missed.push(name.into_owned());
        }
    }
    ensure!(missed.is_empty(), "not found: {}", missed.join(", "));
    console.success("every flaw was found");
    Ok(())
}

/// The files of the flaws, in the order of their names.
pub(crate) fn flaws(root: &Path) -> Result<Vec<PathBuf>> {
    let directory = root.join(FLAWS);
    let entries = std::fs::read_dir(&directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    let mut flaws: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    flaws.sort();
    Ok(flaws)
}

fn is_found(repo: &Repo, console: Console, arguments: &Arguments, flaw: &Path) -> Result<bool> {
    let home = repo.target.join("flaws");
    let source = home.join("source");
    repo.unpack("HEAD", &source)?;
    let mut apply = Command::new("git");
    // Without this variable, git would use our repository, because `source` is inside the repository.
    apply
        .arg("apply")
        .arg(flaw)
        .current_dir(&source)
        .env("GIT_CEILING_DIRECTORIES", &home);
    show(&mut apply, "git apply")?;
    let build = home.join("build");
    let in_flawed = |command: &mut Command| {
        command.current_dir(&source).env("CARGO_TARGET_DIR", &build);
    };
    console.step("building the flawed system");
    let mut compile = cargo(repo, &["build", "--quiet", "--workspace", "--all-targets"]);
    in_flawed(&mut compile);
    show(&mut compile, "the build")?;

    let mut test = test(repo, console)?;
    in_flawed(&mut test);
    test.env("AIKAGI_FAULTS_MINUTES", arguments.minutes.to_string());
    if let Some(seed) = arguments.seed {
        test.env("AIKAGI_FAULTS_SEED", seed.to_string());
    }
    let output = test
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .context("cannot run the test")?;
    if output.status.success() {
        return Ok(false);
    }
    let output = [output.stdout, output.stderr].concat();
    let output = String::from_utf8_lossy(&output);
    let mut lines = output.lines();
    let Some(found) = lines.find(|line| FOUND.iter().any(|words| line.contains(words))) else {
        let last: Vec<&str> = output.lines().rev().take(40).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        bail!("the test failed for another reason:\n{}", last.join("\n"));
    };
    console.step(found);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every patch applies to the present sources.
    #[test]
    fn every_flaw_applies_to_the_sources() {
        let repo = Repo::here().unwrap();
        let flaws = flaws(&repo.root).unwrap();
        assert!(!flaws.is_empty());
        for flaw in flaws {
            let flaw = flaw.to_str().unwrap();
            repo.git(&["apply", "--check", flaw]).unwrap();
        }
    }
}
