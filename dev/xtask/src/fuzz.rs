//! `cargo xtask fuzz`: fuzzes everything that reads bytes from outside. It needs neither a nightly
//! compiler nor cargo-fuzz, though `tests/fuzz/` has the layout of cargo-fuzz. The properties are
//! in `tests/properties`, whose tests replay the seeds.

use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_devkit::cargo::cargo;
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail, ensure};

const PACKAGE: &str = "tests/fuzz";
/// Compiler flags that report to libFuzzer which edges of the program were taken and which values
/// were compared. The sanitizers, which need a nightly compiler, would find nothing more, because
/// no code of ours is unsafe.
const INSTRUMENTATION: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];
/// The number of lines of a failed target's output that are printed.
const SHOWN_LINES: usize = 12;

/// What to fuzz.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The name of a target in `tests/fuzz/fuzz_targets`. Without it, all targets run, one after another.
    target: Option<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// What libFuzzer reports about a target.
#[derive(Debug, Default, PartialEq, Eq)]
struct Trial {
    executions: u64,
    per_second: u64,
    /// The number of edges of the program that were taken.
    coverage: u64,
}

/// Builds the targets with instrumentation and runs them. Stores each input that breaks a property
/// under `tests/fuzz/artifacts`.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let home = repo.root.join(PACKAGE);
    let all = targets(&home)?;
    let chosen = match &arguments.target {
        Some(target) => {
            ensure!(
                all.contains(target),
                "there is no target {target}; the targets are {}",
                all.join(", ")
            );
            vec![target.clone()]
        }
        None => all,
    };
    install::ensure(&[Tool::CCompiler, Tool::CxxCompiler], console)?;
    console.step("building with instrumentation");
    let programs = build(repo, &home, &chosen)?;

    let mut broken = Vec::new();
    for target in &chosen {
        let output = fuzz(&home, &programs, target, arguments.seconds)?;
        let report = String::from_utf8_lossy(&output.stderr);
        let is_kept = output.status.success();
        let result = if is_kept { "kept" } else { "BROKEN" };
        console.line(&format!("  {target:<12} {} {result}", Trial::read(&report)));
        if !is_kept {
            console.line(failure(&report).join("\n").as_str());
            broken.push(target.as_str());
        }
    }
    if !broken.is_empty() {
        bail!(
            "a property is broken in {}: see {PACKAGE}/artifacts",
            broken.join(", ")
        );
    }
    console.success(&format!(
        "every property is kept in {} targets",
        chosen.len()
    ));
    Ok(())
}

/// The names of all targets, sorted.
fn targets(home: &Path) -> Result<Vec<String>> {
    let directory = home.join("fuzz_targets");
    let entries = std::fs::read_dir(&directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.file_stem().unwrap_or_default();
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Builds targets, and returns the directory of their programs.
fn build(repo: &Repo, home: &Path, targets: &[String]) -> Result<PathBuf> {
    let host = host()?;
    // If `--target` is given, cargo does not instrument build scripts. Therefore the target is
    // given although it is the host's own.
    let mut build = cargo(repo, &["build", "--release", "--quiet", "--target", &host]);
    build
        .args(targets.iter().flat_map(|target| ["--bin", target]))
        .current_dir(home)
        .env("CARGO_TARGET_DIR", home.join("target"))
        .env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\u{1f}"));
    show(&mut build, "the build")?;
    Ok(home.join("target").join(host).join("release"))
}

/// Runs one target, starting from its seeds and from the inputs that earlier runs kept.
fn fuzz(home: &Path, programs: &Path, target: &str, seconds: u32) -> Result<std::process::Output> {
    let [corpus, artifacts] = ["corpus", "artifacts"].map(|name| home.join(name).join(target));
    for directory in [&corpus, &artifacts] {
        std::fs::create_dir_all(directory).context("cannot make a directory")?;
    }
    Command::new(programs.join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg("-max_len=8192")
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(corpus)
        .arg(home.join("seeds").join(target))
        .current_dir(home)
        .output()
        .with_context(|| format!("cannot start the target {target}"))
}

impl Trial {
    /// Reads libFuzzer's report. A missing figure is 0.
    fn read(report: &str) -> Self {
        let figure = |name: &str| {
            let text = report.rsplit_once(name).map_or("", |(_, rest)| rest);
            let word = text.split_whitespace().next().unwrap_or_default();
            word.parse().unwrap_or(0)
        };
        Self {
            executions: figure("stat::number_of_executed_units:"),
            per_second: figure("stat::average_exec_per_sec:"),
            coverage: figure(" cov: "),
        }
    }
}

impl std::fmt::Display for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>12} executions {:>9}/s {:>6} edges",
            self.executions, self.per_second, self.coverage
        )
    }
}

/// The lines that say which property is broken, and which file has the input that breaks it.
fn failure(report: &str) -> Vec<&str> {
    let lines: Vec<&str> = report.lines().collect();
    let is_beginning = |line: &&str| line.contains("panicked at") || line.contains("ERROR:");
    let begin = lines.iter().position(is_beginning).unwrap_or(0);
    let until = lines
        .iter()
        .skip(begin)
        .take(SHOWN_LINES)
        .take_while(|line| !line.starts_with("stack backtrace:"));
    let artifact = lines
        .iter()
        .filter(|line| line.contains("Test unit written"));
    until.chain(artifact).copied().collect()
}

/// The compiler's name for this machine's target.
fn host() -> Result<String> {
    let about = aikagi_devkit::command::run(Command::new("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("rustc does not print its host")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
#2 INITED cov: 12 ft: 30 corp: 4/50b exec/s: 0 rss: 30Mb
thread '<unnamed>' panicked at check/token.rs:9:5:
left is not right
stack backtrace:
   0: begin_unwind
#99 NEW    cov: 57 ft: 98 corp: 9/90b exec/s: 0 rss: 31Mb
artifact_prefix='artifacts/token/'; Test unit written to artifacts/token/crash-1
stat::number_of_executed_units: 1846519
stat::average_exec_per_sec:     167865
";

    #[test]
    fn a_trial_is_read_from_the_report() {
        let trial = Trial {
            executions: 1_846_519,
            per_second: 167_865,
            coverage: 57,
        };
        assert_eq!(Trial::read(REPORT), trial);
        assert_eq!(Trial::read("killed"), Trial::default());
    }

    #[test]
    fn a_failure_is_shown_without_its_stack() {
        let shown = failure(REPORT).join("\n");
        assert!(shown.contains("left is not right") && shown.contains("crash-1"));
        assert!(!shown.contains("begin_unwind"));
    }
}
