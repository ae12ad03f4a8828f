//! The repository's own rules, as a program: who may depend on whom, who may touch what, and that what
//! landed in a migration stays.

mod layers;
mod migrations;
mod words;

use std::path::Path;

use anyhow::{Result, bail};

use aikagi_devkit::console::Console;
use aikagi_devkit::repo::Repo;

/// A file longer than this no longer fits in a head.
const LONG_FILE: usize = 450;

/// Checks the repository's rules and lists every breach.
pub(crate) fn run(repo: &Repo, console: Console) -> Result<()> {
    let mut breaches = Vec::new();
    for manifest in repo.files(&["Cargo.toml"])? {
        if manifest != Path::new("Cargo.toml") {
            breaches.extend(layers::breaches(&manifest, &repo.read(&manifest)?)?);
        }
    }
    for file in repo.files(&[".rs"])? {
        let text = repo.read(&file)?;
        breaches.extend(words::breaches(&file, &text));
        let lines = text.lines().count();
        if lines > LONG_FILE {
            console.warning(&format!(
                "{} has {lines} lines: split it by meaning",
                file.display()
            ));
        }
    }
    match repo.base() {
        Some(base) => breaches.extend(migrations::breaches(repo, &base)?),
        None => {
            console
                .warning("migrations not compared: this is the main branch, or there is none here");
        }
    }
    for breach in &breaches {
        console.failure(breach);
    }
    if !breaches.is_empty() {
        bail!("{} breaches of the repository's rules", breaches.len());
    }
    Ok(())
}
