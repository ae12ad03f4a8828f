//! Finds rule ids in sources, and separates those that tests cite from those that code cites.

use std::collections::BTreeSet;

/// The first parts of rule ids.
const FAMILIES: [&str; 9] = [
    "UNIT", "IVR", "LOGIN", "SESS", "PW", "MIG", "OPS", "INV", "SITE",
];

/// A test function and the rules that the comment above it cites.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Test {
    /// The function's name.
    pub(super) name: String,
    /// The function's line, from 1.
    pub(super) line: usize,
    /// The rules.
    pub(super) ids: BTreeSet<String>,
}

/// The rules that one file cites.
#[derive(Debug, Default)]
pub(super) struct FileCitations {
    /// The tests, with the rules of their doc comments.
    pub(super) tests: Vec<Test>,
    /// The rules that code and its comments cite.
    pub(super) sources: BTreeSet<String>,
}

/// Reads a source text line by line. Doc comments and attributes belong to the next item.
pub(super) fn scan(text: &str) -> FileCitations {
    let mut found = FileCitations::default();
    let mut ids = BTreeSet::new();
    let mut is_test = false;
    // The number of an attribute's brackets that are still open at the end of a line.
    let mut open = 0_i64;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if open > 0 {
            open += brackets(line);
        } else if let Some(comment) = line.strip_prefix("///") {
            ids.extend(ids_in(comment));
        } else if let Some(attribute) = line.strip_prefix("#[") {
            let name: String = attribute
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
                .collect();
            is_test |= name == "test" || name.ends_with("::test");
            open = brackets(line);
        } else {
            let name = function_name(line);
            match name {
                Some(name) if is_test => {
                    let ids = std::mem::take(&mut ids);
                    found.tests.push(Test {
                        name,
                        line: index + 1,
                        ids,
                    });
                }
                _ => found.sources.append(&mut ids),
            }
            found.sources.extend(ids_in(line));
            is_test = false;
        }
    }
    found
}

fn brackets(line: &str) -> i64 {
    line.chars().fold(0, |open, c| match c {
        '[' => open + 1,
        ']' => open - 1,
        _ => open,
    })
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "fn")?;
    let rest = words.next()?;
    let name: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The rule ids in a text. An id is one of [`FAMILIES`], a hyphen and a number. `XIVR-1` contains no id.
pub(super) fn ids_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    words
        .filter(|word| {
            word.rsplit_once('-').is_some_and(|(family, number)| {
                FAMILIES.contains(&family)
                    && !number.is_empty()
                    && number.chars().all(|c| c.is_ascii_digit())
            })
        })
        .map(ToOwned::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, Vec<String>)> {
        let tests = scan(text).tests.into_iter();
        tests
            .map(|test| (test.name, test.ids.into_iter().collect()))
            .collect()
    }

    #[test]
    fn ids_belong_to_the_test_below_them() {
        let text = "
/// PW-1, LOGIN-2: what it proves,
/// and IVR-10.
#[test]
fn one() {}

/// Says nothing.
#[tokio::test(flavor = \"multi_thread\")]
async fn two() {}
";
        assert_eq!(
            names(text),
            [
                (
                    "one".into(),
                    vec!["IVR-10".into(), "LOGIN-2".into(), "PW-1".into()]
                ),
                ("two".into(), vec![]),
            ]
        );
    }

    #[test]
    fn a_citation_outside_a_test_proves_no_rule() {
        let text =
            "/// PW-1: the rule.\npub fn check() {}\n#[test]\nfn bare() {}\n// INV-2 in passing\n";
        let found = scan(text);
        assert_eq!(found.tests.len(), 1);
        assert!(found.tests[0].ids.is_empty());
        assert_eq!(
            found.sources,
            BTreeSet::from(["INV-2".to_owned(), "PW-1".to_owned()])
        );
    }

    #[test]
    fn properties_and_long_attributes_count() {
        let text = "
proptest! {
    /// UNIT-3: any form.
    #[test]
    fn normal_form(text in \"[0-9]{10}\") {}
}
#[expect(
    clippy::all,
    reason = \"x\"
)]
/// SESS-1: after an attribute.
#[test]
fn late() {}
";
        assert_eq!(
            names(text),
            [
                ("normal_form".into(), vec!["UNIT-3".into()]),
                ("late".into(), vec!["SESS-1".into()]),
            ]
        );
    }

    #[test]
    fn only_whole_ids_count() {
        assert!(ids_in("XIVR-1 IVR- IVR-1a ivr-1 UTF-8").is_empty());
        assert_eq!(ids_in("(IVR-13)").len(), 1);
    }
}
