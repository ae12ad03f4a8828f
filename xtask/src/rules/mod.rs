//! Which test proves which rule of the specification.

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::repo::Repo;
use crate::say::Say;

const LIST: &str = "docs/rules.toml";
const SOURCES: [&str; 3] = [".rs", ".proto", ".sql"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    rule: Vec<Rule>,
}

/// A rule of the specification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    title: String,
    /// The later piece of work that brings it.
    owed: Option<String>,
}

/// Lists rules and their tests. Fails for a rule in scope that no test cites, and for an id that is cited
/// and does not exist.
pub(crate) fn run(repo: &Repo, say: Say) -> Result<()> {
    let list: List = toml::from_str(&repo.read(Path::new(LIST))?).context(LIST)?;
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut sources: BTreeSet<String> = BTreeSet::new();
    for path in repo.files(&SOURCES)? {
        // This program's own tests make ids up.
        if path.starts_with("xtask") {
            continue;
        }
        let found = scan::scan(&repo.read(&path)?);
        for test in found.tests {
            let place = format!("{} ({}:{})", test.name, path.display(), test.line);
            for id in test.ids {
                tests.entry(id).or_default().push(place.clone());
            }
        }
        sources.extend(found.sources);
    }

    let mut missing = Vec::new();
    for rule in &list.rule {
        let cited = if sources.contains(&rule.id) {
            ""
        } else {
            " (not cited where it lives)"
        };
        say.heading(&format!("{} {}{cited}", rule.id, rule.title));
        let proofs = tests.get(&rule.id).map(Vec::as_slice).unwrap_or_default();
        for proof in proofs {
            say.line(&format!("    {proof}"));
        }
        match &rule.owed {
            Some(owed) => say.line(&format!("    owed: {owed}")),
            None if proofs.is_empty() => missing.push(rule.id.as_str()),
            None => {}
        }
    }
    let known: BTreeSet<&str> = list.rule.iter().map(|rule| rule.id.as_str()).collect();
    let unknown: Vec<&str> = tests
        .keys()
        .map(String::as_str)
        .filter(|id| !known.contains(id))
        .collect();

    if !unknown.is_empty() {
        bail!("cited by tests, but not in {LIST}: {}", unknown.join(", "));
    }
    if !missing.is_empty() {
        bail!("no test cites {}", missing.join(", "));
    }
    let owed = list.rule.iter().filter(|rule| rule.owed.is_some()).count();
    say.success(&format!(
        "{} rules proved, {owed} owed",
        list.rule.len() - owed
    ));
    Ok(())
}
