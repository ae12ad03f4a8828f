//! The layout of modules is `name.rs` beside the folder `name`, without `mod.rs` and without
//! `#[path]`.

use super::rust::{opens, tokens};
use super::tree::Tree;

/// Files called `mod.rs`, and modules that are not where their name says.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(".rs") {
        if path.ends_with("/mod.rs") {
            found.push(format!(
                "{path}: call it {}.rs",
                path.trim_end_matches("/mod.rs")
            ));
        }
        let all = tokens(text);
        for (index, token) in all.iter().enumerate() {
            let rest = all.get(index..).unwrap_or_default();
            if opens(rest, &["#", "[", "path", "="]) {
                found.push(format!(
                    "{path}:{}: #[path] hides where a module is",
                    token.line
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        breaches(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_module_is_where_its_name_says() {
        assert_eq!(count("a/src/b.rs", "mod c;"), 0);
        assert_eq!(count("a/src/b/mod.rs", ""), 1);
        let hidden = "#[cfg(test)]\n#[path = \"../x.rs\"]\nmod x;";
        assert_eq!(count("a/src/b.rs", hidden), 1);
        assert_eq!(
            count("a/src/b.rs", "// #[path = \"x\"]\nlet a = \"#[path = x]\";"),
            0
        );
    }
}
