//! `cargo xtask fuzz`: lets a fuzzer try what strangers' bytes can do. It needs neither a nightly compiler nor
//! cargo-fuzz, whose layout `fuzz/` has.

use std::process::Command;

use aikagi_devkit::install::{self, Tool};
use anyhow::{Context, Result};

use crate::cargo::{cargo, show};
use crate::repo::Repo;
use crate::say::Say;

const PACKAGE: &str = "fuzz";
/// libFuzzer's view into the program: which edges were taken, and what was compared. The sanitizers, which need a
/// nightly compiler, would find nothing more: no code of ours is unsafe.
const INSTRUMENTATION: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// What to fuzz.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The target, as `fuzz/fuzz_targets` names it.
    #[arg(default_value = "agi")]
    target: String,
    /// How long.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Builds a target with instrumentation, and runs it. What it finds stays under `fuzz/artifacts`.
pub(crate) fn run(repo: &Repo, say: Say, arguments: &Arguments) -> Result<()> {
    install::ensure(&[Tool::CCompiler, Tool::CxxCompiler], |text| say.step(text))?;
    let home = repo.root.join(PACKAGE);
    let host = host()?;
    say.step("building with instrumentation");
    // For a target of its own, so that build scripts are not instrumented.
    let mut build = cargo(repo, &["build", "--release", "--target", &host, "--bin"]);
    build
        .arg(&arguments.target)
        .current_dir(&home)
        .env("CARGO_TARGET_DIR", home.join("target"))
        .env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\u{1f}"));
    show(&mut build, "the build")?;

    let corpus = home.join("corpus").join(&arguments.target);
    let artifacts = home.join("artifacts").join(&arguments.target);
    for directory in [&corpus, &artifacts] {
        std::fs::create_dir_all(directory).context("cannot make a directory")?;
    }
    let program = home.join("target").join(host).join("release");
    let mut fuzz = Command::new(program.join(&arguments.target));
    fuzz.arg(format!("-max_total_time={}", arguments.seconds))
        .arg("-max_len=8192")
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(corpus)
        .arg(home.join("seeds").join(&arguments.target))
        .current_dir(&home);
    show(&mut fuzz, "the fuzzer")
}

/// The compiler's own target.
fn host() -> Result<String> {
    let about = aikagi_devkit::command::run(Command::new("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}
