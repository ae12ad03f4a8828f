//! Runs cargo from a program that cargo started itself.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::command::show;
use crate::repo::Repo;

/// Variables that `cargo run` sets for the program that it starts. Some build scripts read them. If
/// this program passed them on, cargo would build the same crates again and again.
const SET_BY_CARGO: [&str; 6] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "OUT_DIR",
];

/// A command of cargo, with the root of the repository as its working directory.
pub fn cargo(repo: &Repo, arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(&repo.root).args(arguments);
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if SET_BY_CARGO.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&key);
        }
    }
    command
}

/// Builds everything, tests included, and returns the directory of the executables.
///
/// Tests enable features of the dependencies. Separate builds with and without tests would compile
/// these dependencies twice.
pub fn build_with_tests(repo: &Repo) -> Result<PathBuf> {
    let mut command = cargo(repo, &["build", "--workspace", "--all-targets"]);
    show(&mut command, "the build")?;
    Ok(repo.target.join("debug"))
}

/// The packages with the programs that `cargo xtask up` starts or mentions. Tests, benchmarks and
/// the IVR adapter would only delay the first start.
pub const SYSTEM: [&str; 9] = [
    "aikagi-authentication",
    "aikagi-ctl",
    "aikagi-demo",
    "aikagi-gateway",
    "aikagi-issuance",
    "aikagi-password",
    "aikagi-setup",
    "aikagi-softphone",
    "aikagi-units",
];

/// Builds the executables of these packages, and returns their directory.
///
/// Cargo unites the features of all packages that it builds together. Builds that follow one
/// another should name the same packages, so that cargo does not compile dependencies again.
pub fn build(repo: &Repo, packages: &[&str], release: bool) -> Result<PathBuf> {
    let mut command = cargo(repo, &["build", "--bins"]);
    for package in packages {
        command.args(["--package", package]);
    }
    if release {
        command.arg("--release");
    }
    show(&mut command, "the build")?;
    Ok(repo.target.join(if release { "release" } else { "debug" }))
}
