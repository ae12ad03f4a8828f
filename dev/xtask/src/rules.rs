//! `cargo xtask rules`: lists the rules of the specification, and the tests that prove each rule.

mod scan;
mod specification;
mod typescript;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};

use aikagi_devkit::console::Console;
use aikagi_devkit::repo::Repo;
use specification::Specification;

const SPECIFICATION: &str = "docs/specification.md";
/// The endings of files in which tests and code cite rules.
const SOURCES: [&str; 4] = [".rs", ".proto", ".sql", SITE_TESTS];
/// The ending of the site's tests.
const SITE_TESTS: &str = ".test.ts";
/// The folder of the site's code.
const SITE_CODE: &str = "frontends/site/src";
/// The endings of other files. A rule that they cite must exist.
const OTHERS: [&str; 12] = [
    ".c", ".css", ".html", ".js", ".json", ".md", ".py", ".toml", ".ts", ".tsx", ".yaml", ".yml",
];
/// The folders of these checks. They are left out, because their tests cite rules that do not
/// exist.
const CHECKS: [&str; 2] = ["dev/xtask/src/rules", "dev/xtask/src/tidy"];

/// All citations of rules in the repository.
#[derive(Debug, Default)]
struct Citations {
    /// The places of the tests that cite each rule.
    tests: BTreeMap<String, Vec<String>>,
    /// The rules that code cites.
    code: BTreeSet<String>,
    /// The first place that cites each rule.
    places: BTreeMap<String, String>,
}

/// Lists the rules and their tests. Fails if a rule is not cited by a test and by code, or if a
/// cited rule does not exist.
pub(crate) fn run(repo: &Repo, console: Console) -> Result<()> {
    let (specification, citations) = read(repo)?;
    for rule in specification.rules() {
        console.heading(&format!("{} {}", rule.id, rule.title));
        for proof in citations.tests.get(&rule.id).into_iter().flatten() {
            console.line(&format!("    {proof}"));
        }
    }
    console.success(&judge(&specification, &citations)?);
    Ok(())
}

/// Like [`run`], without the list.
pub(crate) fn check(repo: &Repo, console: Console) -> Result<()> {
    let (specification, citations) = read(repo)?;
    console.step(&judge(&specification, &citations)?);
    Ok(())
}

fn read(repo: &Repo) -> Result<(Specification, Citations)> {
    let text = repo.read(Path::new(SPECIFICATION))?;
    let specification = Specification::read(&text).context(SPECIFICATION)?;
    let mut citations = Citations::default();
    for path in repo.files(&[&SOURCES[..], &OTHERS[..]].concat())? {
        let is_check = CHECKS.iter().any(|folder| {
            let path = path.to_string_lossy();
            path.starts_with(folder)
        });
        if !is_check {
            citations.add(&path, &repo.read(&path)?);
        }
    }
    Ok((specification, citations))
}

impl Citations {
    fn add(&mut self, path: &Path, text: &str) {
        let name = path.to_string_lossy();
        for (index, line) in text.lines().enumerate() {
            for id in scan::ids_in(line) {
                let place = format!("{name}:{}", index + 1);
                if path.starts_with(SITE_CODE) && !name.ends_with(SITE_TESTS) {
                    self.code.insert(id.clone());
                }
                self.places.entry(id).or_insert(place);
            }
        }
        if !SOURCES.iter().any(|ending| name.ends_with(ending)) {
            return;
        }
        let is_of_site = name.ends_with(SITE_TESTS);
        let found = if is_of_site {
            typescript::scan(text)
        } else {
            scan::scan(text)
        };
        for test in found.tests {
            let place = format!("{} ({name}:{})", test.name, test.line);
            for id in test.ids {
                self.tests.entry(id).or_default().push(place.clone());
            }
        }
        let is_of_tests = is_of_site
            || path.components().any(|part| part.as_os_str() == "tests")
            || path.file_name().is_some_and(|name| name == "tests.rs");
        if !is_of_tests {
            self.code.extend(found.sources);
        }
    }
}

fn judge(specification: &Specification, citations: &Citations) -> Result<String> {
    let mut breaches = Vec::new();
    for (id, place) in &citations.places {
        if !specification.has(id) {
            breaches.push(format!("{place}: there is no rule {id}"));
        }
    }
    for rule in specification.rules() {
        if !citations.tests.contains_key(&rule.id) {
            breaches.push(format!("no test cites {}", rule.id));
        }
        if !citations.code.contains(&rule.id) {
            breaches.push(format!("no code cites {}", rule.id));
        }
    }
    if !breaches.is_empty() {
        bail!("{}", breaches.join("\n"));
    }
    Ok(format!("{} rules proved", specification.rules().len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "/// PW-1: the rule.\npub fn check() {}\n";
    const TEST: &str = "/// PW-1: holds.\n#[test]\nfn holds() {}\n";

    fn judged(files: &[(&str, &str)]) -> Result<String> {
        let specification = Specification::read("**PW-1 Letters.** x").unwrap();
        let mut citations = Citations::default();
        for (path, text) in files {
            citations.add(Path::new(path), text);
        }
        judge(&specification, &citations)
    }

    fn complaint(files: &[(&str, &str)]) -> String {
        judged(files).unwrap_err().to_string()
    }

    #[test]
    fn a_rule_needs_a_test_and_code() {
        let both = [("a/src/b.rs", CODE), ("a/src/tests.rs", TEST)];
        assert_eq!(judged(&both).unwrap(), "1 rules proved");
        assert_eq!(complaint(&both[..1]), "no test cites PW-1");
        assert_eq!(complaint(&both[1..]), "no code cites PW-1");
    }

    #[test]
    fn an_id_that_does_not_exist_is_found_anywhere() {
        for path in [
            "a/src/c.rs",
            "a/tests/c.rs",
            "docs/c.md",
            "frontends/site/src/c.tsx",
        ] {
            let files = [
                ("a/src/b.rs", CODE),
                ("a/src/tests.rs", TEST),
                (path, "\n// PW-9\n"),
            ];
            assert_eq!(
                complaint(&files),
                format!("{path}:2: there is no rule PW-9")
            );
        }
    }
}
