//! Finds the rule ids that the site's tests cite. These are tests of Vitest: `test("name", …)` below a doc comment.

use std::collections::BTreeSet;

use super::scan::{FileCitations, Test, ids_in};

/// Reads a test file line by line. A doc comment belongs to the next item. A test's name may cite rules, too.
pub(super) fn scan(text: &str) -> FileCitations {
    let mut found = FileCitations::default();
    let mut ids = BTreeSet::new();
    let mut in_comment = false;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let line = line.trim();
        if in_comment || line.starts_with("/**") {
            ids.extend(ids_in(line));
            in_comment = !line.ends_with("*/");
        } else if line.starts_with("test(") || line.starts_with("test.") {
            let next = lines.peek().map_or("", |(_, next)| next.trim());
            let title = if line.ends_with('(') { next } else { line };
            let name = last_text(title).unwrap_or("test").to_owned();
            ids.extend(ids_in(&name));
            found.tests.push(Test {
                name,
                line: index + 1,
                ids: std::mem::take(&mut ids),
            });
        } else {
            found.sources.append(&mut ids);
        }
    }
    found
}

/// The text between the last pair of quotation marks.
fn last_text(line: &str) -> Option<&str> {
    let (before, _) = line.rsplit_once('"')?;
    before.rsplit_once('"').map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_test_are_above_it_or_in_its_name() {
        let text = "
/** PW-6: one line. */
test(\"strength\", () => {});
  /**
   * SESS-1, SESS-2: several lines.
   */
  test.each([\"ja\", \"en\"] as const)(\"time-out (%s)\", async () => {});
test.concurrent.each([1])(
  \"PW-1: by its name\",
/** MIG-2: of a helper. */
const helper = 1;
test(\"none\", () => {});
";
        let found = scan(text);
        let tests: Vec<(&str, usize, Vec<&str>)> = found
            .tests
            .iter()
            .map(|test| {
                let ids = test.ids.iter().map(String::as_str).collect();
                (test.name.as_str(), test.line, ids)
            })
            .collect();
        assert_eq!(
            tests,
            [
                ("strength", 3, vec!["PW-6"]),
                ("time-out (%s)", 7, vec!["SESS-1", "SESS-2"]),
                ("PW-1: by its name", 8, vec!["PW-1"]),
                ("none", 12, vec![]),
            ]
        );
        assert_eq!(found.sources, BTreeSet::from(["MIG-2".to_owned()]));
    }
}
