//! Reports words that are hard to understand, and long sentences, in documents and comments. These
//! are doubts, so they do not fail the check.

use super::prose::{paragraphs, sentences};
use super::tree::Tree;

/// The most words of a sentence. A longer sentence usually has two facts.
const MOST_WORDS: usize = 25;

/// Words that are hard to understand at the first reading, and what to write instead.
const NOT_USED: [(&str, &str); 9] = [
    ("to be had", "available"),
    ("leave to", "permission"),
    ("told", "reported"),
    ("stands", "exists"),
    ("goes on", "continues"),
    ("a way", "a connection, or how"),
    ("turn about", "alternately"),
    ("a will of its own", "nondeterministic"),
    ("by chance", "random"),
];
/// Files that quote these words, and texts that others wrote.
const EXEMPT: [&str; 4] = [
    "LICENSE",
    "docs/glossary.md",
    "dev/xtask/src/tidy/",
    "frontends/site/src/password/dictionary",
];

/// Doubtful words and long sentences, each with its path.
pub(super) fn doubts(tree: &Tree) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    for (path, text) in tree.all() {
        if EXEMPT.iter().any(|exempt| path.starts_with(exempt)) {
            continue;
        }
        for paragraph in paragraphs(path, text) {
            let line = paragraph.line;
            let plain = without_code(&paragraph.text);
            let lower = plain.to_lowercase();
            for (word, instead) in NOT_USED {
                if has_word(&lower, word) {
                    found.push((path, format!("{line}: \"{word}\": write {instead}")));
                }
            }
            for sentence in sentences(&plain) {
                let words = sentence.split_whitespace();
                let count = words
                    .filter(|word| word.contains(char::is_alphanumeric))
                    .count();
                if count > MOST_WORDS {
                    let begin: Vec<&str> = sentence.split_whitespace().take(6).collect();
                    let begin = begin.join(" ");
                    found.push((path, format!("{line}: {count} words: \"{begin} …\"")));
                }
            }
        }
    }
    found
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !is_part(before) && !is_part(after)
    })
}

/// The text with each piece of code as one word, and without the targets of links.
fn without_code(text: &str) -> String {
    let mut plain = String::new();
    for (index, piece) in text.split('`').enumerate() {
        plain.push_str(if index % 2 == 0 { piece } else { "x" });
    }
    let mut pieces = plain.split("](");
    let mut found = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        found.push(']');
        found.push_str(piece.split_once(')').map_or("", |(_, after)| after));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        doubts(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn words_that_are_not_used_are_found_in_prose() {
        assert_eq!(count("a.rs", "// The lock that goes on."), 1);
        assert_eq!(count("a.rs", "/// Drawn by\n/// chance."), 1);
        assert_eq!(count("a.md", "It is told away."), 1);
        assert_eq!(count("a.md", "An untold `by chance` standstill."), 0);
        assert_eq!(count("a.rs", "let told = \"by chance\";"), 0);
        assert_eq!(count("docs/glossary.md", "by chance"), 0);
    }

    #[test]
    fn long_sentences_are_found() {
        let words = |count: usize| vec!["word"; count].join(" ");
        assert_eq!(count("a.md", &format!("{}.", words(25))), 0);
        assert_eq!(count("a.md", &format!("{}.", words(26))), 1);
        assert_eq!(count("a.md", &format!("{}. {}.", words(20), words(20))), 0);
        let code = format!(
            "{} `{}` [link](a/b/c.md) {}.",
            words(10),
            words(10),
            words(10)
        );
        assert_eq!(count("a.md", &code), 0);
    }
}
