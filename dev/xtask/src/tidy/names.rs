//! Reports a type name that two packages define. Often both types are one thing defined twice, or
//! they are two things that need two names.

use std::collections::{BTreeMap, BTreeSet};

use super::rust::{Kind, code};
use super::tree::{Tree, is_test};

const ITEMS: [&str; 5] = ["enum", "struct", "trait", "type", "union"];

/// Findings for type names that several packages define: for each of these packages, the path of one definition and a
/// message.
pub(super) fn doubts(tree: &Tree) -> Vec<(&str, String)> {
    let packages: BTreeSet<&str> = tree
        .ending("/Cargo.toml")
        .filter_map(|(path, _)| path.strip_suffix("/Cargo.toml"))
        .collect();
    let mut homes: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| !is_test(path)) {
        let inner = packages.iter().filter(|package| {
            path.strip_prefix(**package)
                .is_some_and(|rest| rest.starts_with('/'))
        });
        let Some(package) = inner.max_by_key(|package| package.len()) else {
            continue;
        };
        for pair in code(text).windows(2) {
            if let [item, name] = pair
                && item.kind == Kind::Word
                && ITEMS.contains(&item.text)
                && name.text.starts_with(|c: char| c.is_ascii_uppercase())
            {
                homes.entry(name.text).or_default().insert(package, path);
            }
        }
    }
    let mut found = Vec::new();
    for (name, homes) in homes.iter().filter(|(_, homes)| homes.len() > 1) {
        let packages: Vec<&str> = homes.keys().copied().collect();
        for path in homes.values() {
            found.push((
                *path,
                format!("{name} is defined in {}", packages.join(", ")),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_two_packages_define_is_found() {
        let tree = Tree::of(&[
            ("a/Cargo.toml", ""),
            ("b/Cargo.toml", ""),
            ("a/src/x.rs", "pub struct Place; struct Own; impl Place {}"),
            ("a/src/y.rs", "enum Place {}"),
            ("b/src/z.rs", "enum Place {} type Other = Own;"),
            ("b/tests/it.rs", "struct Own;"),
        ]);
        let found = doubts(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].1, "Place is defined in a, b");
    }
}
