//! A change of a contract, of a command line or of the settings in containers needs a new line in
//! CHANGELOG.md. A change of comments needs none.

use std::collections::BTreeSet;

use super::rust::{Kind, Token, code, group, opens};
use super::tree::{Tree, is_test};

const CHANGELOG: &str = "CHANGELOG.md";
const CONTRACTS: &str = "proto/";
const SETTINGS: &str = "deploy/settings/";
/// The derived traits by which the check finds the items of a command line.
const DERIVED: [&str; 4] = ["Args", "Parser", "Subcommand", "ValueEnum"];

/// A part of the repository whose changes others notice, and the function that reads it from a
/// tree.
type Part = (&'static str, fn(&Tree) -> BTreeSet<String>);

const PARTS: [Part; 3] = [
    ("a contract", contracts),
    ("a setting of containers", settings),
    ("a command line", command_lines),
];

/// Changes without a new line in the changelog. Both trees have only the files that differ.
pub(super) fn breaches(before: &Tree, now: &Tree) -> Vec<String> {
    let lines = |tree: &Tree| -> BTreeSet<String> {
        let text = tree.get(CHANGELOG).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    };
    if lines(now).difference(&lines(before)).next().is_some() {
        return vec![];
    }
    PARTS
        .iter()
        .filter(|(_, parts)| parts(before) != parts(now))
        .map(|(what, _)| format!("{CHANGELOG}: {what} changed, so add a line"))
        .collect()
}

fn contracts(tree: &Tree) -> BTreeSet<String> {
    tree.all()
        .filter(|(path, _)| path.starts_with(CONTRACTS))
        .map(|(path, text)| format!("{path} {}", joined(&code(text))))
        .collect()
}

fn settings(tree: &Tree) -> BTreeSet<String> {
    tree.all()
        .filter(|(path, _)| path.starts_with(SETTINGS))
        .map(|(path, text)| {
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
            format!("{path} {}", lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// The items of all command lines. The result does not name the files of the items, so a moved item changes nothing.
fn command_lines(tree: &Tree) -> BTreeSet<String> {
    let sources = tree.ending(".rs").filter(|(path, _)| !is_test(path));
    sources.flat_map(|(_, text)| items(&code(text))).collect()
}

fn items(tokens: &[Token<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let rest = tokens.get(at..).unwrap_or_default();
        if opens(rest, &["#", "[", "derive", "("]) {
            let derived = group(rest.get(3..).unwrap_or_default());
            if derived.iter().any(|token| DERIVED.contains(&token.text)) {
                let end = rest.iter().position(|token| token.is("{") || token.is(";"));
                let (head, block) = rest.split_at(end.unwrap_or(rest.len()));
                found.push(format!("{} {}", joined(head), joined(group(block))));
            }
        }
    }
    found
}

fn joined(tokens: &[Token<'_>]) -> String {
    let texts = tokens.iter().map(|token| match token.kind {
        Kind::Text => format!("{:?}", token.text),
        _ => token.text.to_owned(),
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGUMENTS: &str = "/// Adds.\n#[derive(Debug, clap::Args)]\n#[command(name = \"add\")]\npub struct Add {\n/// Which.\n#[arg(long)] number: String }\nfn a() {}";

    fn count(before: &[(&str, &str)], now: &[(&str, &str)]) -> usize {
        breaches(&Tree::of(before), &Tree::of(now)).len()
    }

    #[test]
    fn a_change_that_others_notice_needs_a_line() {
        let changes = [
            (
                "proto/a.proto",
                "message A { int32 a = 1; }",
                "message A { int64 a = 1; }",
            ),
            ("deploy/settings/a.toml", "a = 1", "a = 2"),
            (
                "frontends/ctl/src/add.rs",
                ARGUMENTS,
                &ARGUMENTS.replace("long", "short"),
            ),
        ];
        for (path, before, now) in changes {
            assert_eq!(count(&[(path, before)], &[(path, now)]), 1, "{path}");
            let logged = [(path, now), (CHANGELOG, "- new")];
            assert_eq!(
                count(&[(path, before), (CHANGELOG, "")], &logged),
                0,
                "{path}"
            );
            assert_eq!(count(&[(path, before)], &[]), 1, "{path} removed");
            assert_eq!(count(&[], &[(path, now)]), 1, "{path} added");
        }
    }

    #[test]
    fn changed_comments_and_moves_need_no_line() {
        let cases = [
            (
                "proto/a.proto",
                "message A {}",
                "// Explains.\nmessage A {}",
            ),
            ("deploy/settings/a.toml", "# one\na = 1", "# two\n\na = 1"),
            (
                "services/a/src/b.rs",
                ARGUMENTS,
                &ARGUMENTS.replace("Which", "The number"),
            ),
            (
                "services/a/src/b.rs",
                ARGUMENTS,
                &ARGUMENTS.replace("fn a()", "fn b()"),
            ),
        ];
        for (path, before, now) in cases {
            assert_eq!(count(&[(path, before)], &[(path, now)]), 0, "{now}");
        }
        assert_eq!(
            count(&[("a/src/b.rs", ARGUMENTS)], &[("c/src/d.rs", ARGUMENTS)]),
            0
        );
    }

    #[test]
    fn an_old_line_of_the_changelog_does_not_count() {
        let log = (CHANGELOG, "- old");
        let before = [("proto/a.proto", "message A {}"), log];
        let now = [("proto/a.proto", "message B {}"), log];
        assert_eq!(count(&before, &now), 1);
    }
}
