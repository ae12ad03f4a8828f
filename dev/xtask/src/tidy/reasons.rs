//! Checks the reasons of refusals. Each reason is in the table of docs/clients.md, with its status
//! and what the caller can do. The comment of each reason shows its ErrorInfo. Each reason in an
//! RPC's comment exists.

use std::collections::BTreeMap;

use super::tree::Tree;

const CLIENTS: &str = "docs/clients.md";
const VALUE: &str = "ERROR_REASON_";
const UNSPECIFIED: &str = "UNSPECIFIED";
/// The word before the list of reasons in an RPC's comment.
const LIST: &str = "Reasons:";

/// Reasons that the contracts or the document lack.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let reasons = reasons(tree, &mut found);
    let explained = explained(tree.get(CLIENTS).unwrap_or_default());
    for (reason, (place, status)) in &reasons {
        match explained.get(reason) {
            None => found.push(format!("{place}: {CLIENTS} does not explain {reason}")),
            Some((line, said)) if said != status => found.push(format!(
                "{CLIENTS}:{line}: {reason} comes with {status}, not with {said}"
            )),
            Some(_) => {}
        }
    }
    for (reason, (line, _)) in &explained {
        if !reasons.contains_key(reason) {
            found.push(format!("{CLIENTS}:{line}: there is no reason {reason}"));
        }
    }
    for (path, text) in tree.ending(".proto") {
        for (line, reason) in listed(text) {
            if !reasons.contains_key(reason) {
                found.push(format!("{path}:{line}: there is no reason {reason}"));
            }
        }
    }
    found
}

/// The values of the enum of reasons, each with its place and its status. Adds a breach to `found`
/// for a comment without ErrorInfo.
fn reasons<'a>(tree: &'a Tree, found: &mut Vec<String>) -> BTreeMap<&'a str, (String, String)> {
    let mut reasons = BTreeMap::new();
    for (path, text) in tree.ending(".proto") {
        let mut comment = String::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(more) = line.strip_prefix("//") {
                comment.push_str(more);
                continue;
            }
            let value = line.split_once(" = ").map(|(name, _)| name);
            if let Some(reason) = value.and_then(|name| name.strip_prefix(VALUE))
                && reason != UNSPECIFIED
            {
                let place = format!("{path}:{}", index + 1);
                let info = format!(" {{\"reason\": \"{reason}\"");
                let before = comment.split_once(&info).map(|(before, _)| before);
                let status = before.and_then(|before| before.split_whitespace().next_back());
                if status.is_none() {
                    found.push(format!(
                        "{place}: the comment of {reason} shows no ErrorInfo"
                    ));
                }
                reasons.insert(reason, (place, status.unwrap_or_default().to_owned()));
            }
            comment.clear();
        }
    }
    reasons
}

/// The rows of the table whose first heading is "reason": each reason with its line and its status.
fn explained(text: &str) -> BTreeMap<&str, (usize, &str)> {
    let mut found = BTreeMap::new();
    let mut in_table = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("| reason |") {
            in_table = true;
        } else if !line.starts_with('|') {
            in_table = false;
        } else if in_table && let Some(reason) = line.split('`').nth(1) {
            let status = line.split('|').nth(2).unwrap_or_default().trim();
            found.insert(reason, (index + 1, status));
        }
    }
    found
}

/// The names after `Reasons:` in comments, up to the full stop that ends the list.
fn listed(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_list = false;
    for (index, line) in text.lines().enumerate() {
        let Some(comment) = line.trim().strip_prefix("//") else {
            in_list = false;
            continue;
        };
        let list = match comment.split_once(LIST) {
            Some((_, after)) => {
                in_list = true;
                after
            }
            None if in_list => comment,
            None => continue,
        };
        let (list, is_end) = match list.split_once('.') {
            Some((list, _)) => (list, true),
            None => (list, false),
        };
        let words = list.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
        let names = words.filter(|word| word.len() > 1);
        found.extend(names.map(|name| (index + 1, name)));
        in_list &= !is_end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENUM: &str = "enum ErrorReason {
  // Never sent.
  ERROR_REASON_UNSPECIFIED = 0;
  // UNAUTHENTICATED {\"reason\": \"LOGIN_REFUSED\"}.
  ERROR_REASON_LOGIN_REFUSED = 1;
  // UNAVAILABLE {\"reason\": \"UNAVAILABLE\", \"metadata\": {}}.
  ERROR_REASON_UNAVAILABLE = 2;
}";
    const EXPLAINED: &str = "| reason | status |\n| --- | --- |\n| `LOGIN_REFUSED` | UNAUTHENTICATED |\n| `UNAVAILABLE` | UNAVAILABLE |\n";

    fn count(list: &str, document: &str, rpc: &str) -> usize {
        breaches(&Tree::of(&[
            ("proto/a.proto", list),
            ("proto/b.proto", rpc),
            (CLIENTS, document),
        ]))
        .len()
    }

    #[test]
    fn every_reason_is_explained_and_exists() {
        assert_eq!(count(ENUM, EXPLAINED, ""), 0);
        assert_eq!(
            count(ENUM, "| reason |\n| `UNAVAILABLE` | UNAVAILABLE |", ""),
            1
        );
        let other = EXPLAINED.replace("UNAUTHENTICATED", "ABORTED");
        assert_eq!(count(ENUM, &other, ""), 1);
        assert_eq!(count(ENUM, &format!("{EXPLAINED}| `GONE` | c |"), ""), 1);
        assert_eq!(count(ENUM, &format!("{EXPLAINED}\n| `OTHER` | c |"), ""), 0);
    }

    #[test]
    fn a_comment_shows_the_error_info() {
        let bare = ENUM.replace("{\"reason\": \"LOGIN_REFUSED\"}", "LOGIN_REFUSED");
        let without = EXPLAINED.replace("UNAUTHENTICATED", "");
        assert_eq!(count(&bare, &without, ""), 1);
    }

    #[test]
    fn an_rpc_names_reasons_that_exist() {
        let rpc = |list: &str| count(ENUM, EXPLAINED, &format!("  // {list}\n  rpc A"));
        assert_eq!(
            rpc("Reasons: LOGIN_REFUSED,\n  // UNAVAILABLE. Not PERMISSION_DENIED."),
            0
        );
        assert_eq!(rpc("Reasons: LOGIN_REFUSED,\n  // GONE."), 1);
    }
}
