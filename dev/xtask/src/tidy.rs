//! `cargo xtask tidy`: the repository's own rules, as programs. A rule that a program judges without doubt refuses a
//! change. A rule of taste is only reported, and a good reason beats it.

mod audit;
mod changelog;
mod citations;
mod commits;
mod dependencies;
mod guide;
mod language;
mod links;
mod logs;
mod manifests;
mod metrics;
mod modules;
mod names;
mod pins;
mod prose;
mod reasons;
mod reserved;
mod rust;
mod schema;
mod secrets;
mod settings;
mod siblings;
mod tree;

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use aikagi_devkit::console::Console;
use aikagi_devkit::repo::Repo;
use tree::{Base, Tree};

/// A file longer than this no longer fits in a head.
const LONG_FILE: usize = 450;

/// The checks that refuse.
const CHECKS: [fn(&Tree) -> Vec<String>; 15] = [
    audit::breaches,
    citations::breaches,
    dependencies::breaches,
    guide::breaches,
    links::breaches,
    logs::breaches,
    manifests::breaches,
    metrics::breaches,
    modules::breaches,
    pins::breaches,
    reasons::breaches,
    reserved::breaches,
    secrets::breaches,
    settings::breaches,
    siblings::breaches,
];

/// What to check.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Report doubts about every file, not only about those that differ from the main branch.
    #[arg(long)]
    all: bool,
}

/// Lists every breach, and doubts about what this work changed. Fails if there is a breach.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let tree = Tree::read(repo)?;
    let base = Base::of(repo);
    let mut breaches: Vec<String> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    let mut changed = Vec::new();
    if let Some(base) = &base {
        changed = base.changed()?;
        breaches.extend(schema::breaches(repo, base.commit())?);
        breaches.extend(changelog::breaches(
            &base.tree(&changed),
            &tree.only(&changed),
        ));
        for doubt in commits::doubts(&base.titles()?) {
            console.warning(&doubt);
        }
    } else {
        console.warning("nothing to compare with: this is the main branch, or there is none here");
    }
    report(
        console,
        &doubts(&tree),
        (!arguments.all).then_some(&changed),
    );
    for breach in &breaches {
        console.failure(breach);
    }
    if !breaches.is_empty() {
        bail!("{} breaches of the repository's rules", breaches.len());
    }
    Ok(())
}

/// What only a reader can judge, each with its path.
fn doubts(tree: &Tree) -> Vec<(&str, String)> {
    let mut found = language::doubts(tree);
    found.extend(names::doubts(tree));
    for (path, text) in tree.ending(".rs") {
        let lines = text.lines().count();
        if lines > LONG_FILE {
            found.push((path, format!("{lines} lines: split it by meaning")));
        }
    }
    found
}

/// Shows the doubts about the files in `only`, or about all, and how many others there are.
fn report(console: Console, doubts: &[(&str, String)], only: Option<&Vec<String>>) {
    let changed: Option<BTreeSet<&str>> =
        only.map(|paths| paths.iter().map(String::as_str).collect());
    let mut hidden = 0;
    for (path, doubt) in doubts {
        if changed
            .as_ref()
            .is_none_or(|changed| changed.contains(path))
        {
            console.warning(&format!("{path}:{doubt}"));
        } else {
            hidden += 1;
        }
    }
    if hidden > 0 {
        console.step(&format!(
            "{hidden} doubts about files that did not change: `cargo xtask tidy --all` shows them"
        ));
    }
}
