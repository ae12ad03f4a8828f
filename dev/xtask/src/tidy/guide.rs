//! Each statement of the operator's guide has a row in docs/guide.md. The row names rules that
//! exist, and texts, pages or prompts in which a subscriber can still find the statement.

use std::collections::BTreeSet;

use super::tree::Tree;

const GUIDE: &str = "docs/guide.md";
const SPECIFICATION: &str = "docs/specification.md";
const TEXTS: [&str; 2] = [
    "frontends/site/src/texts/ja.ts",
    "frontends/site/src/texts/en.ts",
];
const SITE: &str = "frontends/site/src/";
const ROUTES: &str = "frontends/site/src/app/route.ts";
const PROMPTS: &str = "crates/domain/src/guidance.rs";
/// The number of statements in the guide.
const STATEMENTS: usize = 41;

/// Missing rows, and rows that name something that does not exist.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let Some(guide) = tree.get(GUIDE) else {
        return vec![format!("{GUIDE} is missing")];
    };
    let mut found = Vec::new();
    let mut next = 1;
    for (index, line) in guide.lines().enumerate() {
        let Some(row) = line.strip_prefix("| G-") else {
            continue;
        };
        let place = format!("{GUIDE}:{}", index + 1);
        let cells: Vec<&str> = row.split(" | ").collect();
        let [id, _, rules, places] = cells.as_slice() else {
            found.push(format!("{place}: a row has four cells"));
            continue;
        };
        if *id != next.to_string() {
            found.push(format!("{place}: expected G-{next}, got G-{id}"));
        }
        next += 1;
        for rule in rules.split(", ") {
            if !has_rule(tree, rule) {
                found.push(format!("{place}: there is no rule {rule}"));
            }
        }
        let named: Vec<&str> = places.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            found.push(format!("{place}: no place is named"));
        }
        let missing = named.into_iter().filter(|named| !exists(tree, named));
        found.extend(missing.map(|named| format!("{place}: {named} does not exist")));
    }
    if next != STATEMENTS + 1 {
        found.push(format!(
            "{GUIDE}: {} rows instead of {STATEMENTS}",
            next - 1
        ));
    }
    found
}

fn has_rule(tree: &Tree, rule: &str) -> bool {
    let start = format!("**{rule} ");
    let text = tree.get(SPECIFICATION).unwrap_or_default();
    text.lines().any(|line| line.starts_with(&start))
}

/// True if a place exists. A text must be in every language and in use.
fn exists(tree: &Tree, place: &str) -> bool {
    let text = |path| tree.get(path).unwrap_or_default();
    match place.split_once(':') {
        Some(("text", key)) => {
            TEXTS.iter().all(|path| keys(text(path)).contains(key)) && is_used(tree, key)
        }
        Some(("page", address)) => text(ROUTES).contains(&format!(": \"{address}\",")),
        Some(("prompt", id)) => text(PROMPTS).contains(&format!("=> \"{id}\",")),
        _ => false,
    }
}

/// True if code of the site uses a text. The text of a reason is always in use: the site chooses it
/// by the name that the server sends.
fn is_used(tree: &Tree, key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    let read = format!(".{name}");
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let reads = |text: &str| {
        let mut parts = text.split(read.as_str());
        parts.next();
        parts.any(is_end)
    };
    key.starts_with("reasons.")
        || tree
            .all()
            .any(|(path, text)| path.starts_with(SITE) && !path.contains("/texts/") && reads(text))
}

/// The keys of a file of texts, with the keys of their objects: `login.limits`. The files are
/// formatted, so the indentation shows which object a key belongs to.
fn keys(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut path: Vec<(usize, &str)> = Vec::new();
    for line in text.lines() {
        let inner = line.trim_start();
        let depth = line.len() - inner.len();
        let constant = inner
            .strip_prefix("const ")
            .and_then(|rest| rest.split_once(':'))
            .filter(|_| depth == 0);
        if depth == 0 {
            path.clear();
        }
        let name = match constant {
            Some((name, _)) => name,
            None => match inner.trim_start_matches("{ ").split_once(':') {
                Some((name, _)) if depth > 0 => name,
                _ => continue,
            },
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        path.retain(|(at, _)| *at < depth);
        path.push((depth, name));
        let names: Vec<&str> = path.iter().map(|(_, name)| *name).collect();
        found.insert(names.join("."));
        // An object in one line has keys, too.
        if let Some((_, rest)) = inner.split_once(": { ") {
            for part in rest.split(", ") {
                let key = part.split_once(": ").map_or("", |(key, _)| key);
                if !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric()) {
                    found.insert(format!("{}.{key}", names.join(".")));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const JA: &str = "const reasons: Record<Reason, string> = {\n  GONE: \"x\",\n};\nexport const ja = {\n  reasons,\n  \
        login: {\n    limits: (a: P) => `x`,\n    which: { title: \"y\" },\n  },\n};";
    const EN: &str = "export const en: Texts = {\n  reasons: {\n    GONE: \"x\",\n  },\n  login: {\n    limits:\n      \
        \"x\",\n    which: { title: \"y\" },\n  },\n};";

    fn rows(first: &str) -> String {
        let rest = (2..=STATEMENTS).map(|id| format!("| G-{id} | a | PW-1 | `page:/` |\n"));
        format!("{first}\n{}", rest.collect::<String>())
    }

    fn count(first: &str) -> usize {
        breaches(&Tree::of(&[
            (GUIDE, &rows(first)),
            (SPECIFICATION, "**PW-1 Letters.** x"),
            (TEXTS[0], JA),
            (TEXTS[1], EN),
            (ROUTES, "  welcome: \"/\","),
            (PROMPTS, "Self::EnterUnit => \"enter-unit\","),
            (
                "frontends/site/src/pages/Login.tsx",
                "words.limits(p) which.title",
            ),
        ]))
        .len()
    }

    #[test]
    fn everything_that_a_row_names_exists() {
        for good in [
            "text:login.limits",
            "text:login.which.title",
            "text:reasons.GONE",
            "page:/",
            "prompt:enter-unit",
        ] {
            assert_eq!(
                count(&format!("| G-1 | a | PW-1 | `{good}` |")),
                0,
                "{good}"
            );
        }
        for bad in [
            "text:login.limit",
            "text:login.which",
            "page:/gone",
            "prompt:gone",
            "login.limits",
        ] {
            assert_eq!(count(&format!("| G-1 | a | PW-1 | `{bad}` |")), 1, "{bad}");
        }
        assert_eq!(count("| G-1 | a | PW-9 | `page:/` |"), 1);
        assert_eq!(count("| G-1 | a | PW-1 | nowhere |"), 1);
    }

    #[test]
    fn no_statement_is_missing() {
        assert!(count("") > 0);
        assert!(breaches(&Tree::of(&[])).len() == 1);
    }
}
