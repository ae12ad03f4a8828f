//! Reads the ids and titles of rules from the specification.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::scan::ids_in;

/// The rules of the specification, by id in the order of the document.
#[derive(Debug)]
pub(super) struct Specification {
    rules: Vec<Rule>,
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// The rule's id, which never changes.
    pub(super) id: String,
    /// The rule's title.
    pub(super) title: String,
}

impl Specification {
    /// Reads the rules. A rule begins a line with `**ID Title.**`. Fails if there is no rule, or if
    /// a rule has no title or two definitions.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut rules = Vec::new();
        let mut lines = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let Some((head, _)) = line
                .strip_prefix("**")
                .and_then(|rest| rest.split_once("**"))
            else {
                continue;
            };
            let (id, title) = head.split_once(' ').unwrap_or((head, ""));
            if !ids_in(id).contains(id) {
                continue;
            }
            let title = title.trim_end_matches('.');
            if title.is_empty() {
                bail!("line {}: {id} has no title", index + 1);
            }
            if let Some(first) = lines.insert(id, index + 1) {
                bail!("{id} is defined in line {first} and in line {}", index + 1);
            }
            rules.push(Rule {
                id: id.to_owned(),
                title: title.to_owned(),
            });
        }
        if rules.is_empty() {
            bail!("no line begins with `**ID Title.**`");
        }
        Ok(Self { rules })
    }

    /// All rules, in the document's order.
    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// True if there is a rule with this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_begins_a_line_in_bold() {
        let text = "# Rules\n**PW-1 Letters and digits.** [source] 8 to 12.\n\nAs in **PW-1**.\n**Note** this.\n**INV-2 One counter.** At most\n";
        let found = Specification::read(text).unwrap();
        let rules: Vec<(&str, &str)> = found
            .rules()
            .iter()
            .map(|rule| (rule.id.as_str(), rule.title.as_str()))
            .collect();
        assert_eq!(
            rules,
            [("PW-1", "Letters and digits"), ("INV-2", "One counter")]
        );
        assert!(found.has("INV-2"));
        assert!(!found.has("INV-3"));
    }

    #[test]
    fn a_rule_has_a_title_and_one_definition() {
        for text in ["**PW-1** x", "**PW-1 A.**\n**PW-1 B.**", "PW-1 A."] {
            assert!(Specification::read(text).is_err(), "{text}");
        }
    }
}
