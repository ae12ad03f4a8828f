//! `cargo xtask tidy`: checks the repository's own rules. If a program can judge a rule without
//! doubt, a breach fails the command. Rules of taste are only reported, because a reader may have a
//! good reason to break them.

mod audit;
mod changelog;
mod citations;
mod commits;
mod dependencies;
mod flaws;
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

/// The most lines of a file that a reader can keep in mind.
const LONG_FILE: usize = 450;

/// The checks whose breaches fail the command.
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

/// Lists every breach, and the doubts about files that this branch changed. Fails if there is a
/// breach.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let tree = Tree::read(repo)?;
    let base = Base::of(repo);
    let mut breaches: Vec<String> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    breaches.extend(flaws::breaches(repo)?);
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
        console.warning(
            "changes are not checked: this is the main branch, or the repository has none",
        );
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

/// Doubts that only a reader can judge, each with its path.
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

/// Prints the doubts about the files in `only`, or about all files. Then prints the number of other
/// doubts.
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
