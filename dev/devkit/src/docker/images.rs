//! `target/image`: the executables and the site that were built on this machine.
//! `deploy/Dockerfile` copies them from there with `BINARIES=prebuilt`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::console::Console;
use crate::process::executable;
use crate::repo::Repo;
use crate::{command, site};

/// The executables that the images contain.
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

/// Fills `target/image` with the executables in `binaries`, and with the site and its SBOM, which it builds. On a
/// machine whose Node is too old, it warns and leaves out the site.
pub fn prepare(repo: &Repo, console: Console, binaries: &Path) -> Result<()> {
    let image = repo.target.join("image");
    let (bin, pages, sbom) = (image.join("bin"), image.join("site"), image.join("sbom"));
    let _ = std::fs::remove_dir_all(&image);
    for directory in [&bin, &pages, &sbom] {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    for name in BINARIES {
        copy_executable(binaries, name, &bin)?;
    }
    if site::has_node(console)? {
        site::build(repo, console)?;
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(site::built(repo).join(".")).arg(&pages);
        command::run(&mut copy)?;
        let bill = site::bill_of_materials(repo)?;
        std::fs::write(sbom.join("site.cdx.json"), bill).context("cannot write the site's SBOM")?;
    }
    Ok(())
}

/// Replaces the executables of these services with those in `binaries`.
pub fn replace(repo: &Repo, binaries: &Path, services: &[&str]) -> Result<()> {
    let bin = repo.target.join("image/bin");
    for service in services {
        copy_executable(binaries, &format!("aikagi-{service}"), &bin)?;
    }
    Ok(())
}

/// Copies an executable without its debug information, which would make every image several times larger.
fn copy_executable(from: &Path, name: &str, to: &Path) -> Result<()> {
    let mut strip = Command::new("strip");
    strip
        .arg("--strip-debug")
        .arg("-o")
        .arg(to.join(name))
        .arg(executable(from, name)?);
    command::run(&mut strip).map(|_| ())
}
