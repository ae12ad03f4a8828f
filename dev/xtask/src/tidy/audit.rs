//! Every statement that writes audit events writes the same columns as the ledger's own statement.
//! Authentication has several such statements, because each one also makes a change, in one round trip.

use super::rust::{Kind, code};
use super::tree::{Tree, is_test};

/// The file in which the ledger writes an event.
const LEDGER: &str = "crates/ledger/src/audit.rs";
/// The folder of the ledger's statements for repeated refusals. They are not compared, because they also write the column
/// `repeats`.
const COUNTED: &str = "crates/ledger/src/audit/";
/// The folders of programs with a database.
const PROGRAMS: [&str; 3] = ["crates/", "deploy/", "services/"];
const INSERT: &str = "INSERT INTO audit_events";

/// Statements with other columns than the ledger's.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let expected = tree
        .get(LEDGER)
        .and_then(|text| statements(text).into_iter().next());
    let Some((_, expected)) = expected else {
        return vec![format!("{LEDGER} has no statement {INSERT}")];
    };
    let mut found = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let is_program = PROGRAMS.iter().any(|folder| path.starts_with(folder));
        if !is_program || is_test(path) || path.starts_with(COUNTED) {
            continue;
        }
        for (line, columns) in statements(text) {
            if columns != expected {
                found.push(format!(
                    "{path}:{line}: writes the audit columns ({columns}), but the ledger writes ({expected})"
                ));
            }
        }
    }
    found
}

/// The line of each string literal with the statement, and the columns that it names.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for token in code(text).iter().filter(|token| token.kind == Kind::Text) {
        for after in token.text.split(INSERT).skip(1) {
            if after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let list = after.trim_start().strip_prefix('(');
            let list = list.and_then(|list| list.split(')').next());
            let columns: Vec<&str> = list.unwrap_or_default().split_whitespace().collect();
            found.push((token.line, columns.join(" ")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(other: &str) -> usize {
        let own = r#"query!("INSERT INTO audit_events (a, b,
            c) VALUES (1, 2, 3)")"#;
        breaches(&Tree::of(&[
            (LEDGER, own),
            ("services/x/src/store.rs", other),
        ]))
        .len()
    }

    #[test]
    fn a_statement_with_other_columns_is_found() {
        assert_eq!(
            count(r#"q!("INSERT INTO audit_events (a, b, c) SELECT")"#),
            0
        );
        assert_eq!(
            count(r##"q!(r#"WITH x INSERT INTO audit_events (a, c)"#)"##),
            1
        );
        assert_eq!(
            count(r#"q!("INSERT INTO audit_events SELECT * FROM x")"#),
            1
        );
        assert_eq!(count(r#"q!("INSERT INTO audit_events_old (a)")"#), 0);
        assert_eq!(count("// INSERT INTO audit_events (a)"), 0);
    }

    #[test]
    fn without_the_ledgers_statement_nothing_is_compared() {
        assert_eq!(breaches(&Tree::default()).len(), 1);
    }
}
