//! docs/operations.md explains every metric and label that code defines. Every metric and label that a document, an alert
//! or a dashboard names is defined in code.

use std::collections::{BTreeMap, BTreeSet};

use super::rust::{Kind, code};
use super::tree::{Tree, is_test};

const OPERATIONS: &str = "docs/operations.md";
const PREFIX: &str = "aikagi.";
/// Literals that begin with [`PREFIX`] but do not name telemetry: the context of seals.
const OTHERS: [&str; 1] = ["aikagi.seal"];
/// Endings of file names that begin like the name of a metric.
const FILES: [&str; 3] = ["json", "toml", "yaml"];
/// The folders of programs with metrics.
const PROGRAMS: [&str; 4] = ["crates/", "services/", "frontends/", "deploy/"];
/// Suffixes that Prometheus adds to a name: the unit and the kind of series.
const SUFFIXES: [&str; 9] = [
    "bucket",
    "bytes",
    "count",
    "max",
    "milliseconds",
    "ratio",
    "seconds",
    "sum",
    "total",
];

/// Names that the code or the documents lack.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let measured = measured(tree);
    let explained: BTreeSet<&str> = named(tree.get(OPERATIONS).unwrap_or_default())
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    let mut found = Vec::new();
    for (name, place) in &measured {
        if !explained.contains(name) {
            found.push(format!("{place}: {OPERATIONS} does not explain {name}"));
        }
    }
    for (path, text) in tree
        .ending(".md")
        .filter(|(path, _)| path.starts_with("docs/"))
    {
        for (line, name) in named(text) {
            if !measured.contains_key(name) {
                found.push(format!("{path}:{line}: no program defines {name}"));
            }
        }
    }
    for (path, text) in tree.all() {
        if path.starts_with("deploy/observability/") || path.starts_with("deploy/kubernetes/base/")
        {
            for (line, series) in series(text) {
                if !measured.keys().any(|name| is_series_of(series, name)) {
                    found.push(format!("{path}:{line}: no program defines {series}"));
                }
            }
        }
    }
    found
}

/// The names of metrics and labels in the code of programs, each with the first place that contains it.
fn measured(tree: &Tree) -> BTreeMap<&str, String> {
    let mut found = BTreeMap::new();
    for (path, text) in tree.ending(".rs") {
        let is_program = PROGRAMS.iter().any(|folder| path.starts_with(folder));
        if !is_program || is_test(path) {
            continue;
        }
        for token in code(text).iter().filter(|token| token.kind == Kind::Text) {
            if is_name(token.text) && !OTHERS.contains(&token.text) {
                let place = format!("{path}:{}", token.line);
                found.entry(token.text).or_insert(place);
            }
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|rest| {
        // A digit is part of a version, as in `aikagi.units.v1`, which names a package of contracts.
        let is_clean = rest
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '.' || c == '_');
        let is_file = FILES.iter().any(|ending| rest.ends_with(ending));
        is_clean && !is_file && !rest.is_empty()
    })
}

/// Names between backticks, with their lines.
fn named(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            let codes = line.split('`').skip(1).step_by(2);
            codes.map(move |code| (index + 1, code))
        })
        .filter(|(_, code)| is_name(code))
        .collect()
}

/// Names of series and labels of Prometheus, with their lines.
fn series(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            words.map(move |word| (index + 1, word))
        })
        .filter(|(_, word)| word.starts_with("aikagi_"))
        .collect()
}

fn is_series_of(series: &str, name: &str) -> bool {
    let Some(suffix) = series.strip_prefix(&name.replace('.', "_")) else {
        return false;
    };
    suffix.is_empty()
        || suffix
            .strip_prefix('_')
            .is_some_and(|suffix| suffix.split('_').all(|part| SUFFIXES.contains(&part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(source: &str, operations: &str, alerts: &str) -> usize {
        breaches(&Tree::of(&[
            ("crates/a/src/lib.rs", source),
            (OPERATIONS, operations),
            ("deploy/observability/alerts.yml", alerts),
        ]))
        .len()
    }

    const SOURCE: &str = "m.f64_histogram(\"aikagi.hashing.wait\"); K::new(\"aikagi.kind\", x)";
    const EXPLAINED: &str = "| `aikagi.hashing.wait` | `aikagi.kind` |";

    #[test]
    fn defined_metrics_and_explained_metrics_are_the_same() {
        assert_eq!(count(SOURCE, EXPLAINED, ""), 0);
        assert_eq!(count(SOURCE, "`aikagi.kind`", ""), 1);
        assert_eq!(
            count(
                SOURCE,
                "`aikagi.hashing.wait`, `aikagi.kind`, `aikagi.gone`",
                ""
            ),
            1
        );
        assert_eq!(count("// \"aikagi.kind\"", "", ""), 0);
        assert_eq!(count("x(\"aikagi.seal\", \"aikagi.mesh.v1\")", "", ""), 0);
    }

    #[test]
    fn alerts_look_at_series_that_exist() {
        let rate = |series: &str| format!("rate({series}{{aikagi_kind=\"x\"}}[5m]) > 1");
        for series in [
            "aikagi_hashing_wait",
            "aikagi_hashing_wait_seconds_bucket",
            "aikagi_hashing_wait_seconds_count",
        ] {
            assert_eq!(count(SOURCE, EXPLAINED, &rate(series)), 0, "{series}");
        }
        for series in [
            "aikagi_hashing",
            "aikagi_hashing_waiting",
            "aikagi_gone_total",
        ] {
            assert_eq!(count(SOURCE, EXPLAINED, &rate(series)), 1, "{series}");
        }
    }
}
