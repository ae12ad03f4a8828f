//! Every section and every decision that a text cites exists.

use super::prose::paragraphs;
use super::tree::Tree;

const SPECIFICATION: &str = "docs/specification.md";
const ARCHITECTURE: &str = "docs/architecture.md";
/// A citation's document may be named within this many bytes before or after it.
const AROUND: usize = 48;

/// Citations of sections and decisions that do not exist, and of sections without a document.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.all() {
        // The tests of these checks contain invented citations.
        if path.starts_with("dev/xtask/src/tidy") {
            continue;
        }
        for paragraph in paragraphs(path, text) {
            let place = format!("{path}:{}", paragraph.line);
            for (at, number) in cited(&paragraph.text, "section") {
                match document(tree, path, around(&paragraph.text, at)) {
                    Document::Foreign => {}
                    Document::Ours(document) if has_section(tree, document, number) => {}
                    Document::Ours(document) => {
                        found.push(format!("{place}: {document} has no section {number}"));
                    }
                    Document::Unknown => found.push(format!(
                        "{place}: section {number} of which document? Say \"of the specification\""
                    )),
                }
            }
            for (_, number) in cited(&paragraph.text, "decision") {
                let file = format!("docs/decisions/{number}-");
                if number.len() == 4 && !tree.all().any(|(path, _)| path.starts_with(&file)) {
                    found.push(format!("{place}: there is no decision {number}"));
                }
            }
        }
    }
    found
}

enum Document {
    Ours(&'static str),
    /// A standard from outside this repository.
    Foreign,
    Unknown,
}

fn document(tree: &Tree, path: &str, around: &str) -> Document {
    if ["RFC", "NIST", "ASVS"]
        .iter()
        .any(|name| around.contains(name))
    {
        return Document::Foreign;
    }
    let lower = around.to_lowercase();
    for (word, document) in [
        ("specification", SPECIFICATION),
        ("architecture", ARCHITECTURE),
    ] {
        if lower.contains(word) || path == document {
            return Document::Ours(document);
        }
    }
    // Our documents cite the specification so often that they need not name it.
    if path.starts_with("docs/") && tree.has(path) {
        return Document::Ours(SPECIFICATION);
    }
    Document::Unknown
}

fn has_section(tree: &Tree, document: &str, number: &str) -> bool {
    let heading = format!("{number}. ");
    let text = tree.get(document).unwrap_or_default();
    text.lines().any(|line| {
        line.starts_with('#') && line.trim_start_matches('#').trim().starts_with(&heading)
    })
}

/// The numbers after a word or its plural ("sections 3 and 4"), each with its place in the text.
fn cited<'a>(text: &'a str, word: &str) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    let mut is_list = false;
    let mut at = 0;
    for piece in text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '(' | '[')) {
        let bare = piece.trim_matches(|c: char| !c.is_alphanumeric());
        let lower = bare.to_lowercase();
        if lower == word || lower.strip_suffix('s') == Some(word) {
            is_list = true;
        } else if is_list && bare.starts_with(|c: char| c.is_ascii_digit()) {
            found.push((at, bare));
        } else if !matches!(lower.as_str(), "and" | "or" | "to") {
            is_list = false;
        }
        at += piece.len();
    }
    found
}

fn around(text: &str, at: usize) -> &str {
    let mut from = at.saturating_sub(AROUND);
    let mut to = (at + AROUND).min(text.len());
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    while !text.is_char_boundary(to) {
        to += 1;
    }
    text.get(from..to).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        breaches(&Tree::of(&[
            (SPECIFICATION, "## 2. Calls\n## 3. Logins\n"),
            (ARCHITECTURE, "## 1. Parts\n"),
            ("docs/decisions/0007-charge.md", ""),
            (path, text),
        ]))
        .len()
    }

    #[test]
    fn a_section_that_is_cited_exists() {
        assert_eq!(
            count("a.rs", "// Sections 2 and 3 of the specification."),
            0
        );
        assert_eq!(count("a.rs", "// Section 4 of the\n// specification."), 1);
        assert_eq!(count("a.rs", "// (architecture, section 1)"), 0);
        assert_eq!(count("a.rs", "// (architecture, section 2)"), 1);
        assert_eq!(count("docs/a.md", "See section 3, or section 9."), 1);
    }

    #[test]
    fn a_citation_names_its_document() {
        assert_eq!(count("a.proto", "// As section 2 says."), 1);
        assert_eq!(count("a.rs", "// RFC 9113, section 8.7: streams."), 0);
        assert_eq!(count("a.rs", "let a = 1; // section"), 0);
    }

    #[test]
    fn a_decision_that_is_cited_exists() {
        assert_eq!(
            count("docs/a.md", "[decision 0007](decisions/0007-charge.md)"),
            0
        );
        assert_eq!(count("a.rs", "// Decision 0008 says why."), 1);
    }
}
