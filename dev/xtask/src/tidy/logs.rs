//! Checks the logs. docs/logging.md lists each message (except those of the level DEBUG), each field
//! and each word of `error.type`. docs/operations.md has a paragraph for each such word.

use std::collections::{BTreeMap, BTreeSet};

use super::rust::{Kind, Token, code, group, opens};
use super::tree::Tree;

const LOGGING: &str = "docs/logging.md";
const OPERATIONS: &str = "docs/operations.md";
/// The file with the list of words.
const FAULT: &str = "crates/domain/src/fault.rs";
/// The folders of the code that runs in production.
const LOGS: [&str; 4] = ["crates/", "deploy/", "frontends/", "services/"];
const LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];
/// The field with a word for the cause.
const ERROR_TYPE: &str = "error.type";

/// Messages, fields and words that the code or the documents lack.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let page = Page::of(tree.get(LOGGING).unwrap_or_default());
    let mut words = words(tree.get(FAULT).unwrap_or_default());
    let mut messages = BTreeSet::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| is_production(path)) {
        for event in events(text) {
            let place = format!("{path}:{}", event.line);
            for (name, value) in &event.fields {
                if !page.fields.contains(name.as_str()) {
                    found.push(format!("{place}: {LOGGING} does not list the field {name}"));
                }
                if let Some(word) = value.filter(|_| name == ERROR_TYPE) {
                    words.insert(word, place.clone());
                }
            }
            if !page.messages.contains_key(event.message) && event.level != "debug" {
                let message = event.message;
                found.push(format!("{place}: {LOGGING} does not list `{message}`"));
            }
            messages.insert(event.message);
        }
    }
    for (message, line) in &page.messages {
        if !messages.contains(message) {
            found.push(format!("{LOGGING}:{line}: nothing logs `{message}`"));
        }
    }
    found.extend(causes(tree, &page, &words));
    found
}

/// Words of `error.type` that the code or the documents lack.
fn causes(tree: &Tree, page: &Page<'_>, words: &BTreeMap<&str, String>) -> Vec<String> {
    let mut found = Vec::new();
    let paragraphs = paragraphs(tree.get(OPERATIONS).unwrap_or_default());
    for (word, place) in words {
        if !page.words.contains_key(word) {
            found.push(format!("{place}: {LOGGING} does not list the cause {word}"));
        }
        if !paragraphs.contains_key(word) {
            found.push(format!("{place}: {OPERATIONS} has no paragraph on {word}"));
        }
    }
    for (path, listed) in [(LOGGING, &page.words), (OPERATIONS, &paragraphs)] {
        for (word, line) in listed {
            if !words.contains_key(word) {
                found.push(format!("{path}:{line}: there is no cause {word}"));
            }
        }
    }
    found
}

fn is_production(path: &str) -> bool {
    let is_test = path
        .split('/')
        .any(|part| matches!(part, "tests" | "tests.rs" | "benches"));
    LOGS.iter().any(|folder| path.starts_with(folder)) && !is_test
}

/// The entries of docs/logging.md.
#[derive(Debug, Default)]
struct Page<'a> {
    /// Messages, with their lines: the first column of each table with the heading "message".
    messages: BTreeMap<&'a str, usize>,
    /// Fields: the first column of each table with the heading "field".
    fields: BTreeSet<&'a str>,
    /// Causes, with their lines: the second column of each table with the heading "what failed".
    words: BTreeMap<&'a str, usize>,
}

impl<'a> Page<'a> {
    fn of(text: &'a str) -> Self {
        let mut page = Self::default();
        let mut heading = "";
        for (index, line) in text.lines().enumerate() {
            let Some(row) = line.trim().strip_prefix('|') else {
                heading = "";
                continue;
            };
            let mut cells = row.split('|').map(str::trim);
            let (first, second) = (
                cells.next().unwrap_or_default(),
                cells.next().unwrap_or_default(),
            );
            if heading.is_empty() {
                heading = first;
                continue;
            }
            match heading {
                "message" => {
                    let message = first.trim_matches('`');
                    page.messages.insert(message, index + 1);
                }
                "field" => page.fields.extend(first.split(", ")),
                "what failed" => {
                    let words = second.split(", ").map(|word| (word, index + 1));
                    page.words.extend(words);
                }
                _ => {}
            }
            // The line between the heading and the rows is not an entry.
            page.messages.remove("---");
            page.fields.remove("---");
            page.words.remove("---");
        }
        page
    }
}

/// The paragraphs in the section on causes that begin with a word in bold. Each word is listed with
/// its line.
fn paragraphs(text: &str) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("## ") {
            inside = title == "Causes";
        }
        let bold = line
            .strip_prefix("**")
            .and_then(|rest| rest.split_once("**:"));
        if let Some((word, _)) = bold.filter(|_| inside) {
            found.insert(word, index + 1);
        }
    }
    found
}

/// The words of `error_types!`, with their places.
fn words(text: &str) -> BTreeMap<&str, String> {
    let all = code(text);
    let mut found = BTreeMap::new();
    for index in 0..all.len() {
        let rest = all.get(index..).unwrap_or_default();
        if opens(rest, &["error_types", "!", "{"]) {
            let list = group(rest.get(2..).unwrap_or_default());
            for token in list.iter().filter(|token| token.kind == Kind::Text) {
                found.insert(token.text, format!("{FAULT}:{}", token.line));
            }
        }
    }
    found
}

/// An event that a source logs.
#[derive(Debug, PartialEq, Eq)]
struct Event<'a> {
    level: &'a str,
    line: usize,
    /// The names of the fields, each with its value if that is a string literal.
    fields: Vec<(String, Option<&'a str>)>,
    message: &'a str,
}

fn events(text: &str) -> Vec<Event<'_>> {
    let all = code(text);
    let mut found = Vec::new();
    for (index, token) in all.iter().enumerate() {
        let rest = all.get(index..).unwrap_or_default();
        if !opens(rest, &["tracing", ":", ":"]) {
            continue;
        }
        let Some(level) = rest.get(3).filter(|level| LEVELS.contains(&level.text)) else {
            continue;
        };
        let rest = rest.get(4..).unwrap_or_default();
        if !opens(rest, &["!", "("]) {
            continue;
        }
        let group = group(rest.get(1..).unwrap_or_default());
        let inside = group.get(1..group.len() - 1).unwrap_or_default();
        let mut event = Event {
            level: level.text,
            line: token.line,
            fields: Vec::new(),
            message: "",
        };
        for argument in arguments(inside) {
            match argument {
                [text] if text.kind == Kind::Text => event.message = text.text,
                _ => event.fields.extend(field(argument)),
            }
        }
        found.push(event);
    }
    found
}

/// The arguments, which are separated by commas outside of brackets.
fn arguments<'t, 's>(mut tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let mut found = Vec::new();
    let mut length = 0;
    while let Some(token) = tokens.get(length) {
        if token.is(",") {
            found.push(tokens.get(..length).unwrap_or_default());
            tokens = tokens.get(length + 1..).unwrap_or_default();
            length = 0;
        } else {
            length += group(tokens.get(length..).unwrap_or_default()).len();
        }
    }
    found.push(tokens);
    found.retain(|argument| !argument.is_empty());
    found
}

/// The name of a field, and its value if that is a string literal.
fn field<'s>(argument: &[Token<'s>]) -> Option<(String, Option<&'s str>)> {
    let named = argument
        .iter()
        .skip_while(|token| token.is("%") || token.is("?"));
    let name: String = named
        .take_while(|token| token.kind == Kind::Word || token.is("."))
        .map(|token| token.text)
        .collect();
    let value = argument
        .last()
        .filter(|token| token.kind == Kind::Text)
        .map(|token| token.text);
    (!name.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| message | level |
| --- | --- |
| `dependency unavailable` | WARN |

| field | meaning |
| --- | --- |
| error.type, peer | what |

| what failed | words |
| --- | --- |
| all | connect, accept |
";
    const PARAGRAPHS: &str = "## Causes\n\n**connect**: no.\n\n**accept**: no.\n";
    const WORDS: &str = "error_types! {\n    /// No.\n    Connect = \"connect\",\n}\n";
    const SOURCE: &str = "fn f() {
        tracing::warn!(
            error.type = \"accept\",
            peer = %address.ip(),
            \"dependency unavailable\"
        );
        tracing::debug!(%peer, \"whatever\");
    }
    #[cfg(test)]
    mod tests { fn g() { tracing::info!(no = 1, \"no\"); } }";

    fn check(texts: &[(&str, &str)]) -> Vec<String> {
        let mut all = BTreeMap::from([
            (LOGGING, PAGE),
            (OPERATIONS, PARAGRAPHS),
            (FAULT, WORDS),
            ("services/a/src/lib.rs", SOURCE),
        ]);
        all.extend(texts.iter().copied());
        let texts: Vec<(&str, &str)> = all.into_iter().collect();
        breaches(&Tree::of(&texts))
    }

    #[test]
    fn logs_that_match_the_documents_pass() {
        assert_eq!(check(&[]), Vec::<String>::new());
    }

    #[test]
    fn logged_names_and_listed_names_are_the_same() {
        let more = SOURCE.replace("peer = %address.ip()", "number = %number, peer");
        let found = check(&[("services/a/src/lib.rs", &more)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("the field number"), "{found:?}");
        let other = SOURCE.replace("dependency unavailable", "store lost");
        let found = check(&[("services/a/src/lib.rs", &other)]);
        assert_eq!(
            found.len(),
            2,
            "one message that is not listed, and one that nothing logs: {found:?}"
        );
        let word = SOURCE.replace("accept", "unheard_of");
        assert_eq!(check(&[("services/a/src/lib.rs", &word)]).len(), 4);
    }

    #[test]
    fn each_cause_is_listed_and_explained() {
        let more = WORDS.replace('}', "    Tls = \"tls\",\n}");
        assert_eq!(check(&[(FAULT, &more)]).len(), 2);
        let fewer = PARAGRAPHS.replace("**connect**: no.", "");
        assert_eq!(check(&[(OPERATIONS, &fewer)]).len(), 1);
        let page = PAGE.replace("connect", "connect, gone");
        assert_eq!(check(&[(LOGGING, &page)]).len(), 1);
    }
}
