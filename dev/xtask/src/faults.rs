//! `cargo xtask faults`: many lives go on while everything under them fails (`tests/e2e/faults.rs`), and the same with
//! systems that are broken on purpose, each of which has to be found out.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aikagi_devkit::cargo::{build_with_tests, cargo};
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::random::random_hexadecimal;
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail, ensure};

use crate::tools::{self, Subcommand};

/// What is broken in each, as a change of the sources.
const FLAWS: &str = "tests/flaws";
const TEST: &str = "lives_go_on_through_faults";
/// What the test says when it has found something.
const FOUND: [&str; 2] = ["no order explains", "the audit trail"];

/// What to live through.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// One system and a few rounds: what `cargo xtask test` has time for.
    #[arg(long)]
    short: bool,
    /// Makes the choices of an earlier run.
    #[arg(long)]
    seed: Option<u32>,
    /// So many seeds, one after another: the first, and those that follow it.
    #[arg(long, default_value_t = 1)]
    seeds: u32,
    /// How long to go on with each seed.
    #[arg(long, default_value_t = 6)]
    minutes: u32,
    /// Try the systems that are broken on purpose instead: each has to be found out within the minutes.
    #[arg(long)]
    flaws: bool,
}

/// Lets everything fail; fails itself when the rules do not explain what comes of it.
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
    console.success("the rules explain all that was answered, and nothing is lost");
    Ok(())
}

fn random_seed() -> Result<u32> {
    let random = random_hexadecimal()?;
    let seed = random.get(..8).unwrap_or(&random);
    u32::from_str_radix(seed, 16).context("no seed")
}

fn test(repo: &Repo, console: Console) -> Result<Command> {
    let mut nextest = tools::subcommand(repo, console, Subcommand::Nextest)?;
    nextest
        .args(["run", "--workspace", "--no-capture"])
        .args(["--filterset", &format!("test(/::{TEST}$/)")]);
    Ok(nextest)
}

/// Builds the system with each flaw, and lets its faults find it.
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

fn flaws(root: &Path) -> Result<Vec<PathBuf>> {
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
    // These files are in no repository, though their directory is in ours.
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
    console.step("building it");
    let mut compile = cargo(repo, &["build", "--quiet", "--workspace", "--all-targets"]);
    in_flawed(&mut compile);
    show(&mut compile, "the build")?;

    let mut test = test(repo, console)?;
    in_flawed(&mut test);
    test.env("AIKAGI_FAULTS_MINUTES", arguments.minutes.to_string());
    if let Some(seed) = arguments.seed {
        test.env("AIKAGI_FAULTS_SEED", seed.to_string());
    }
    let told = test
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .context("the test cannot be run")?;
    if told.status.success() {
        return Ok(false);
    }
    let output = [told.stdout, told.stderr].concat();
    let output = String::from_utf8_lossy(&output);
    let mut lines = output.lines();
    let Some(found) = lines.find(|line| FOUND.iter().any(|words| line.contains(words))) else {
        let last: Vec<&str> = output.lines().rev().take(40).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        bail!("it failed otherwise:\n{}", last.join("\n"));
    };
    console.step(found);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flaw that is none any more would never be found.
    #[test]
    fn every_flaw_can_be_made() {
        let repo = Repo::here().unwrap();
        let flaws = flaws(&repo.root).unwrap();
        assert!(!flaws.is_empty());
        for flaw in flaws {
            let flaw = flaw.to_str().unwrap();
            repo.git(&["apply", "--check", flaw]).unwrap();
        }
    }
}
