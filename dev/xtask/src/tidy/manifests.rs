//! Every crate in a package's manifest is used by a source of that package. Every crate in the
//! workspace's manifest is used by a package.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::rust::{Kind, tokens};
use super::tree::Tree;

/// Packages with generated code, and the crates that only this code uses.
const IN_GENERATED_CODE: [(&str, &str); 5] = [
    ("aikagi-refusal", "prost"),
    ("aikagi-api", "prost"),
    ("aikagi-api", "tonic"),
    ("aikagi-api", "tonic-prost"),
    ("aikagi-api", "zeroize"),
];

/// Packages whose crate has another name in sources.
const OTHER_NAMES: [(&str, &str); 1] = [("rustls-webpki", "webpki")];

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Dependencies that nothing uses.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = in_packages(tree);
    found.extend(in_workspace(tree));
    found
}

/// Dependencies of the workspace that no package uses.
fn in_workspace(tree: &Tree) -> Vec<String> {
    let mut taken = BTreeSet::new();
    for (_, text) in tree.ending("/Cargo.toml") {
        let manifest: Table = toml::from_str(text).unwrap_or_default();
        for section in SECTIONS {
            let section = manifest.get(section).and_then(Value::as_table);
            taken.extend(section.into_iter().flat_map(Table::keys).cloned());
        }
    }
    let root = tree.get("Cargo.toml").unwrap_or_default();
    let root: Table = toml::from_str(root).unwrap_or_default();
    let entries = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table);
    entries
        .into_iter()
        .flat_map(Table::keys)
        .filter(|name| !taken.contains(*name))
        .map(|name| format!("Cargo.toml: no package uses {name}"))
        .collect()
}

fn in_packages(tree: &Tree) -> Vec<String> {
    let folders: BTreeSet<&str> = tree
        .ending("/Cargo.toml")
        .filter_map(|(path, _)| path.strip_suffix("/Cargo.toml"))
        .collect();
    let mut found = Vec::new();
    for folder in &folders {
        let path = format!("{folder}/Cargo.toml");
        let Some(manifest) = tree
            .get(&path)
            .and_then(|text| toml::from_str::<Table>(text).ok())
        else {
            continue;
        };
        let package = manifest
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let words = words(tree, folder, &folders);
        for section in SECTIONS {
            let section = manifest.get(section).and_then(Value::as_table);
            for name in section.into_iter().flat_map(Table::keys) {
                let other = OTHER_NAMES.iter().find(|(package, _)| package == name);
                let word = other.map_or(name.as_str(), |(_, word)| word);
                let is_generated = IN_GENERATED_CODE.contains(&(package, name.as_str()));
                if !words.contains(word.replace('-', "_").as_str()) && !is_generated {
                    found.push(format!("{path}: no source of {package} uses {name}"));
                }
            }
        }
    }
    found
}

/// All words in the sources of the package in `folder`. Packages in folders below it are left out.
fn words<'a>(tree: &'a Tree, folder: &str, folders: &BTreeSet<&str>) -> BTreeSet<&'a str> {
    let inside = format!("{folder}/");
    let is_inner = |path: &str| {
        folders.iter().any(|other| {
            other.starts_with(&inside)
                && path
                    .strip_prefix(other)
                    .is_some_and(|rest| rest.starts_with('/'))
        })
    };
    tree.ending(".rs")
        .filter(|(path, _)| path.starts_with(&inside) && !is_inner(path))
        .flat_map(|(_, text)| tokens(text))
        .flat_map(|token| match token.kind {
            Kind::Word => vec![token.text],
            // An attribute can name a crate in a string: `#[serde(with = "humantime_serde")]`.
            Kind::Text => token.text.split(|c: char| !is_word(c)).collect(),
            Kind::Character | Kind::Mark | Kind::Comment => vec![],
        })
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manifest: &str, source: &str) -> Vec<String> {
        breaches(&Tree::of(&[
            ("a/Cargo.toml", manifest),
            ("a/src/lib.rs", source),
            ("a/b/Cargo.toml", "[package]\nname = \"b\""),
            ("a/b/src/lib.rs", "use inner;"),
        ]))
    }

    #[test]
    fn a_crate_without_a_use_is_found() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\nfutures-util = \"1\"";
        assert!(check(manifest, "use futures_util::x;").is_empty());
        assert!(check(manifest, "#[serde(with = \"futures_util::x\")]").is_empty());
        assert_eq!(
            check(manifest, "// futures_util\nlet a = \"futures\";").len(),
            1
        );
        let inner = "[package]\nname = \"a\"\n[dev-dependencies]\ninner = \"1\"";
        assert_eq!(check(inner, "").len(), 1);
    }

    #[test]
    fn a_workspace_dependency_that_no_package_uses_is_found() {
        let count = |root: &str| {
            let package = "[package]\nname = \"a\"\n[dependencies]\nx.workspace = true";
            breaches(&Tree::of(&[
                ("Cargo.toml", root),
                ("a/Cargo.toml", package),
                ("a/src/lib.rs", "use x;"),
            ]))
            .len()
        };
        assert_eq!(count("[workspace.dependencies]\nx = \"1\""), 0);
        assert_eq!(count("[workspace.dependencies]\nx = \"1\"\ny = \"1\""), 1);
    }

    #[test]
    fn other_names_and_generated_code_are_known() {
        let renamed = "[package]\nname = \"a\"\n[dependencies]\nrustls-webpki = \"1\"";
        assert!(check(renamed, "use webpki::x;").is_empty());
        let generated = "[package]\nname = \"aikagi-api\"\n[dependencies]\nprost = \"1\"";
        assert!(check(generated, "").is_empty());
    }
}
