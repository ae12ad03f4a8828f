//! The executables and the site as cargo and npm built them here, where `deploy/Dockerfile` takes them from.

use std::path::Path;
use std::process::Command;

use aikagi_devkit::command;
use aikagi_devkit::process::executable;
use anyhow::{Context, Result};

use crate::cargo::build_with_tests;
use crate::repo::Repo;
use crate::say::Say;
use crate::site;

/// What the images hold.
const BINARIES: [&str; 11] = [
    "aikagi-gateway",
    "aikagi-issuance",
    "aikagi-authentication",
    "aikagi-password",
    "aikagi-units",
    "aikagi-reseal",
    "aikagi-retention",
    "aikagi-ivr",
    "aikagi-setup",
    "aikagictl",
    "aikagi-softphone",
];

/// Fills `target/image`.
pub(super) fn prepare(repo: &Repo, say: Say) -> Result<()> {
    say.step("taking the executables that cargo builds here");
    let from = build_with_tests(repo)?;
    let image = repo.target.join("image");
    let (bin, pages, bills) = (image.join("bin"), image.join("site"), image.join("sbom"));
    let _ = std::fs::remove_dir_all(&image);
    for directory in [&bin, &pages, &bills] {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    for name in BINARIES {
        take(&from, name, &bin)?;
    }
    if site::has_node(say)? {
        site::build(repo, say)?;
        copy(&site::built(repo), &pages)?;
        let bill = site::bill_of_materials(repo)?;
        std::fs::write(bills.join("site.cdx.json"), bill)
            .context("cannot write the site's SBOM")?;
    }
    Ok(())
}

/// Puts services' executables from elsewhere in their places.
pub(super) fn fill(repo: &Repo, from: &Path, services: &[&str]) -> Result<()> {
    let bin = repo.target.join("image/bin");
    for service in services {
        take(from, &format!("aikagi-{service}"), &bin)?;
    }
    Ok(())
}

fn take(from: &Path, name: &str, to: &Path) -> Result<()> {
    // Nobody debugs in there, and every image carries it.
    let mut strip = Command::new("strip");
    strip
        .arg("--strip-debug")
        .arg("-o")
        .arg(to.join(name))
        .arg(executable(from, name)?);
    command::run(&mut strip).map(|_| ())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut copy = Command::new("cp");
    command::run(copy.arg("-r").arg(from.join(".")).arg(to)).map(|_| ())
}
