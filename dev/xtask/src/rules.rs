//! Which test proves which rule of the specification.

mod scan;
mod typescript;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use aikagi_devkit::console::Console;
use aikagi_devkit::repo::Repo;

const LIST: &str = "docs/rules.toml";
const SOURCES: [&str; 4] = [".rs", ".proto", ".sql", SITE_TESTS];
/// What the names of the site's tests end in.
const SITE_TESTS: &str = ".test.ts";

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

/// What the sources say of rules.
#[derive(Debug, Default)]
struct Citations {
    /// The places of the tests that cite each rule.
    tests: BTreeMap<String, Vec<String>>,
    /// The rules that other sources cite.
    sources: BTreeSet<String>,
}

/// Lists rules and their tests. Fails for a rule in scope that no test cites, and for an id that is cited
/// and does not exist.
pub(crate) fn run(repo: &Repo, console: Console) -> Result<()> {
    let (list, citations) = read(repo)?;
    for rule in &list.rule {
        let known = citations.sources.contains(&rule.id);
        let cited = if known {
            ""
        } else {
            " (not cited where it lives)"
        };
        console.heading(&format!("{} {}{cited}", rule.id, rule.title));
        for proof in citations.tests.get(&rule.id).into_iter().flatten() {
            console.line(&format!("    {proof}"));
        }
        if let Some(owed) = &rule.owed {
            console.line(&format!("    owed: {owed}"));
        }
    }
    console.success(&judge(&list, &citations)?);
    Ok(())
}

/// The same without the list.
pub(crate) fn check(repo: &Repo, console: Console) -> Result<()> {
    let (list, citations) = read(repo)?;
    console.step(&judge(&list, &citations)?);
    Ok(())
}

fn read(repo: &Repo) -> Result<(List, Citations)> {
    let list = toml::from_str(&repo.read(Path::new(LIST))?).context(LIST)?;
    let mut citations = Citations::default();
    for path in repo.files(&SOURCES)? {
        // This program's own tests make ids up.
        if path.starts_with("dev/xtask") {
            continue;
        }
        let of_site = path.to_string_lossy().ends_with(SITE_TESTS);
        let text = repo.read(&path)?;
        let found = if of_site {
            typescript::scan(&text)
        } else {
            scan::scan(&text)
        };
        for test in found.tests {
            let place = format!("{} ({}:{})", test.name, path.display(), test.line);
            for id in test.ids {
                citations.tests.entry(id).or_default().push(place.clone());
            }
        }
        let of_tests = of_site
            || path.components().any(|part| part.as_os_str() == "tests")
            || path.file_name().is_some_and(|name| name == "tests.rs");
        if !of_tests {
            citations.sources.extend(found.sources);
        }
    }
    Ok((list, citations))
}

fn judge(list: &List, citations: &Citations) -> Result<String> {
    let known: BTreeSet<&str> = list.rule.iter().map(|rule| rule.id.as_str()).collect();
    let cited = citations.tests.keys().map(String::as_str);
    let unknown: Vec<&str> = cited.filter(|id| !known.contains(id)).collect();
    if !unknown.is_empty() {
        bail!("cited by tests, but not in {LIST}: {}", unknown.join(", "));
    }
    let (owed, due): (Vec<&Rule>, Vec<&Rule>) =
        list.rule.iter().partition(|rule| rule.owed.is_some());
    let bare = due
        .iter()
        .filter(|rule| !citations.tests.contains_key(&rule.id));
    let missing: Vec<&str> = bare.map(|rule| rule.id.as_str()).collect();
    if !missing.is_empty() {
        bail!("no test cites {}", missing.join(", "));
    }
    Ok(format!("{} rules proved, {} owed", due.len(), owed.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(cited: &[&str]) -> Result<String> {
        let list = "[[rule]]\nid = \"PW-1\"\ntitle = \"a\"\n[[rule]]\nid = \"MIG-1\"\ntitle = \"b\"\nowed = \"units\"";
        let tests = cited
            .iter()
            .map(|id| ((*id).to_owned(), vec!["here".to_owned()]));
        let citations = Citations {
            tests: tests.collect(),
            sources: BTreeSet::new(),
        };
        judge(&toml::from_str(list).unwrap(), &citations)
    }

    #[test]
    fn what_is_due_needs_a_test_and_what_is_owed_does_not() {
        assert_eq!(judged(&["PW-1"]).unwrap(), "1 rules proved, 1 owed");
        assert!(judged(&["MIG-1"]).unwrap_err().to_string().contains("PW-1"));
        assert!(
            judged(&["PW-1", "PW-9"])
                .unwrap_err()
                .to_string()
                .contains("PW-9")
        );
    }
}
