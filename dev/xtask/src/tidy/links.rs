//! The targets of links and paths in documents exist. Every document in docs has a link from
//! another document.

use std::collections::BTreeSet;
use std::path::Path;

use super::tree::Tree;

/// The changelog names files of earlier versions.
const HISTORY: &str = "CHANGELOG.md";
/// Prefixes of paths in this repository.
const FOLDERS: [&str; 9] = [
    ".github/",
    "crates/",
    "deploy/",
    "dev/",
    "docs/",
    "examples/",
    "frontends/",
    "proto/",
    "services/",
];
const TESTS: &str = "tests/";
/// Parts of paths that tools create and git does not track.
const MADE: [&str; 4] = ["/node_modules", "/dist", "/src/gen", "/corpus"];

const CHECKS: [&str; 2] = ["dev/xtask/src/rules", "dev/xtask/src/tidy"];

/// Links and paths that do not exist, and documents without a link to them.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let mut linked = BTreeSet::new();
    for (path, text) in tree.ending(".md") {
        for (line, target) in links(text) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                path.to_owned()
            } else {
                resolve(path, file)
            };
            if !tree.has(&file) {
                found.push(format!("{path}:{line}: {target} does not exist"));
            } else if !anchor.is_empty() && !has_anchor(tree, &file, anchor) {
                found.push(format!("{path}:{line}: {file} has no heading #{anchor}"));
            }
            if file != path {
                linked.insert(file);
            }
        }
        if path != HISTORY {
            for (line, named) in paths(text) {
                let is_made = MADE.iter().any(|part| named.contains(part));
                if !is_made && !tree.has(named) {
                    found.push(format!("{path}:{line}: there is no {named}"));
                }
            }
        }
    }
    for (path, _) in tree.ending(".md") {
        if path.starts_with("docs/") && !linked.contains(path) {
            found.push(format!("{path}: no document links to it"));
        }
    }
    found.extend(documents_in_code(tree));
    found
}

fn is_document(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|extension| extension == "md")
}

/// Paths of documents in all files that are not documents themselves.
fn documents_in_code(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.all() {
        // The tests of these checks contain invented paths.
        if is_document(path) || CHECKS.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let words = line.split(|c: char| !(c.is_alphanumeric() || "/-_.".contains(c)));
            for word in words {
                let document = word.trim_end_matches('.');
                let is_ours = document.starts_with("docs/") && is_document(document);
                if is_ours && !tree.has(document) {
                    found.push(format!("{path}:{}: there is no {document}", index + 1));
                }
            }
        }
    }
    found
}

/// The targets of inline links and of link definitions, with their lines. Links to other sites are left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, content) in outside_fences(text) {
        let inline = content
            .split("](")
            .skip(1)
            .filter_map(|after| after.split([')', ' ']).next());
        let definition = content
            .strip_prefix('[')
            .and_then(|content| content.split_once("]: "))
            .map(|(_, target)| target.trim());
        for target in inline.chain(definition) {
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push((line, target));
            }
        }
    }
    found
}

/// Paths of this repository between backticks, with their lines. Paths with a placeholder are left out.
fn paths(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, content) in outside_fences(text) {
        for code in content.split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| code.starts_with(folder))
                || (code.starts_with(TESTS) && code.matches('/').count() > 1);
            if is_path && !code.contains([' ', '*', '{', '<', '…', ':']) {
                found.push((line, code));
            }
        }
    }
    found
}

fn outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_fence = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
            return None;
        }
        (!in_fence).then_some((index + 1, line))
    })
}

/// Resolves a target that the file `from` names to a path from the root.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn has_anchor(tree: &Tree, file: &str, anchor: &str) -> bool {
    let text = tree.get(file).unwrap_or_default();
    outside_fences(text)
        .filter(|(_, line)| line.starts_with('#'))
        .any(|(_, line)| slug(line.trim_start_matches('#').trim()) == anchor)
}

/// The anchor that GitHub gives a heading.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        breaches(&Tree::of(&[
            ("README.md", "[a](docs/a.md)"),
            ("docs/a.md", "# First: one `thing`\n"),
            ("docs/images/x.png", ""),
            ("crates/ttl/src/lib.rs", ""),
            (path, text),
        ]))
        .len()
    }

    #[test]
    fn a_link_leads_to_a_file_and_a_heading() {
        let to = |target: &str| count("NOTES.md", &format!("See [it]({target}), or not."));
        assert_eq!(to("docs/a.md"), 0);
        assert_eq!(to("docs/a.md#first-one-thing"), 0);
        assert_eq!(to("docs/images/x.png"), 0);
        assert_eq!(to("crates/ttl"), 0);
        assert_eq!(to("https://example.com/x.md"), 0);
        assert_eq!(to("docs/b.md"), 1);
        assert_eq!(to("docs/a.md#second"), 1);
        assert_eq!(to("#none"), 1);
        assert_eq!(count("NOTES.md", "```\n[it](x.md)\n```"), 0);
        assert_eq!(count("NOTES.md", "[it]: x.md"), 1);
    }

    #[test]
    fn links_are_relative_to_their_file() {
        let text = "[up](../a.md) [down](../images/x.png)";
        let tree = [
            ("docs/a.md", "[r](decisions/1.md)"),
            ("docs/images/x.png", ""),
            ("docs/decisions/1.md", text),
        ];
        assert!(breaches(&Tree::of(&tree)).is_empty());
    }

    #[test]
    fn a_path_in_a_document_exists() {
        assert_eq!(
            count("NOTES.md", "`crates/ttl/src/lib.rs`, `crates/*/x`"),
            0
        );
        assert_eq!(count("NOTES.md", "`crates/ttl/src/acl.rs`"), 1);
        assert_eq!(count("CHANGELOG.md", "`crates/ttl/src/acl.rs`"), 0);
    }

    #[test]
    fn a_document_that_code_names_exists() {
        assert_eq!(count("a.toml", "# docs/a.md has them."), 0);
        assert_eq!(count("a.toml", "# See docs/b.md."), 1);
    }

    #[test]
    fn a_document_without_a_link_to_it_is_found() {
        assert_eq!(count("docs/lost.md", "# Lost"), 1);
        assert_eq!(count("docs/lost.md", "[itself](lost.md)"), 1);
    }
}
