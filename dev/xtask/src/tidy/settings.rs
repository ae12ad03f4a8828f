//! A document explains every setting that a program reads, and a program reads every setting that a document names.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::rust::{Kind, Token, code, group};
use super::tree::{Tree, is_test};

/// The folders of programs with settings, and of crates that define settings.
const PROGRAMS: [&str; 4] = ["crates/", "services/", "frontends/", "deploy/"];
/// The folders of settings files.
const FILES: [&str; 2] = ["deploy/settings/", "deploy/kubernetes/overlays/"];
/// The endings of file names. In a document, a file name looks like a setting in a section.
const ENDINGS: [&str; 8] = ["md", "pem", "proto", "rs", "sql", "toml", "ts", "yml"];
/// The list of the fields of logs. Their names have dots, as the names of settings have.
const LOGGING: &str = "docs/logging.md";

/// Settings that the programs or the documents lack.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let structs = structs(tree);
    let settings = settings(&structs);
    let fields = tree.get(LOGGING).unwrap_or_default();
    let mut named = BTreeSet::new();
    let mut found = Vec::new();
    for (path, text) in tree
        .ending(".md")
        .filter(|(path, _)| path.starts_with("docs/"))
    {
        for (index, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", index + 1);
            let row = line.trim_start().starts_with("| `[");
            for code in line.split('`').skip(1).step_by(2) {
                let key = code.split(" = ").next().unwrap_or(code);
                let key = key.trim_matches(|c| c == '[' || c == ']');
                named.extend(key.split('.').map(ToOwned::to_owned));
                let is_unknown = match key.split_once('.') {
                    Some((section, name)) => {
                        !fields.contains(key)
                            && settings.get(section).is_some_and(|at| at.is_section)
                            && is_key(name)
                            && !ENDINGS.contains(&name)
                            && !settings.contains_key(name)
                    }
                    None => row && is_key(key) && key.contains('_') && !settings.contains_key(key),
                };
                if is_unknown {
                    found.push(format!("{place}: no program has the setting {key}"));
                }
            }
        }
        for (line, name) in environment(text) {
            let is_known = |part: &str| settings.contains_key(part.to_lowercase().as_str());
            if !name.split("__").skip(1).all(is_known) {
                found.push(format!("{path}:{line}: no program has the setting {name}"));
            }
        }
    }
    for (name, setting) in &settings {
        if !named.contains(*name) {
            found.push(format!("{}: no document explains {name}", setting.place));
        }
    }
    found.extend(unknown_in_files(tree, &settings));
    found
}

/// Keys in a file of settings that no program reads.
fn unknown_in_files(tree: &Tree, settings: &BTreeMap<&str, Setting<'_>>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(".toml") {
        if FILES.iter().any(|folder| path.starts_with(folder)) {
            let table: Table = toml::from_str(text).unwrap_or_default();
            for key in keys(&table) {
                if !settings.contains_key(key) {
                    found.push(format!("{path}: no program has the setting {key}"));
                }
            }
        }
    }
    found
}

fn keys(table: &Table) -> Vec<&str> {
    let mut found = Vec::new();
    for (key, value) in table {
        found.push(key.as_str());
        let tables: Vec<&Table> = match value {
            Value::Table(inner) => vec![inner],
            Value::Array(inner) => inner.iter().filter_map(Value::as_table).collect(),
            _ => vec![],
        };
        found.extend(tables.into_iter().flat_map(keys));
    }
    found
}

/// The environment variables such as `AIKAGI__SECTION__KEY` in a text, with their lines.
fn environment(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            words.map(move |word| (index + 1, word))
        })
        .filter(|(_, word)| word.starts_with("AIKAGI__"))
        .collect()
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// A field of a struct of settings.
struct Setting<'a> {
    place: &'a str,
    is_section: bool,
}

struct Field<'a> {
    name: &'a str,
    place: String,
    /// The words of its type.
    types: Vec<&'a str>,
}

/// The keys of the structs named `…Settings`, and of the structs in their fields.
fn settings<'a>(structs: &'a BTreeMap<&'a str, Vec<Field<'a>>>) -> BTreeMap<&'a str, Setting<'a>> {
    let mut waiting: Vec<&str> = structs
        .keys()
        .copied()
        .filter(|name| name.ends_with("Settings"))
        .collect();
    let mut done = BTreeSet::new();
    let mut found = BTreeMap::new();
    while let Some(name) = waiting.pop() {
        if !done.insert(name) {
            continue;
        }
        for field in structs.get(name).into_iter().flatten() {
            let inner = field
                .types
                .iter()
                .filter(|kind| structs.contains_key(*kind));
            let inner: Vec<&str> = inner.copied().collect();
            let setting = found.entry(field.name).or_insert(Setting {
                place: &field.place,
                is_section: false,
            });
            setting.is_section |= !inner.is_empty();
            waiting.extend(inner);
        }
    }
    found
}

/// The structs of programs that derive Deserialize, by name, with their fields.
fn structs(tree: &Tree) -> BTreeMap<&str, Vec<Field<'_>>> {
    let mut found: BTreeMap<&str, Vec<Field<'_>>> = BTreeMap::new();
    for (path, text) in tree.ending(".rs") {
        let is_program = PROGRAMS.iter().any(|folder| path.starts_with(folder));
        if !is_program || is_test(path) || path.starts_with("frontends/ctl/") {
            continue;
        }
        let tokens = code(text);
        let mut is_read = false;
        for at in 0..tokens.len() {
            let rest = tokens.get(at..).unwrap_or_default();
            match rest {
                [token, ..] if token.is("Deserialize") => is_read = true,
                [token, name, open, ..] if token.is("struct") => {
                    if open.is("{") && is_read {
                        let block = group(rest.get(2..).unwrap_or_default());
                        found
                            .entry(name.text)
                            .or_default()
                            .extend(fields(path, block));
                    }
                    is_read = false;
                }
                [token, ..] if token.is("enum") || token.is("fn") => is_read = false,
                _ => {}
            }
        }
    }
    found
}

/// The fields of a struct's block.
fn fields<'s>(path: &str, block: &[Token<'s>]) -> Vec<Field<'s>> {
    let mut found: Vec<Field<'s>> = Vec::new();
    let mut depth = 0_usize;
    let mut is_type = false;
    for window in block.windows(3) {
        let [before, token, after] = window else {
            continue;
        };
        match before.text {
            "{" | "(" | "[" | "<" if before.kind == Kind::Mark => depth += 1,
            "}" | ")" | "]" | ">" if before.kind == Kind::Mark => depth = depth.saturating_sub(1),
            "," if depth == 1 => is_type = false,
            _ => {}
        }
        let is_name = depth == 1 && !is_type && token.kind == Kind::Word && after.is(":");
        if is_name {
            found.push(Field {
                name: token.text,
                place: format!("{path}:{}", token.line),
                types: vec![],
            });
            is_type = true;
        } else if is_type
            && token.kind == Kind::Word
            && let Some(field) = found.last_mut()
        {
            field.types.push(token.text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
        #[derive(Deserialize)] pub struct Settings {
            /// Where.
            pub server: ServerSettings,
            #[serde(default = \"x\")] pub rules: Option<Vec<Rules>>,
        }
        #[derive(Deserialize)] struct ServerSettings { listen: SocketAddr, }
        #[derive(Deserialize)] struct Rules { burst: u32 }
        #[derive(Deserialize)] struct Other { unrelated: u32 }
        struct MoreSettings { inner: u32 }";
    const EXPLAINED: &str = "| `[server]` | `listen` |\n| `[[rules]]` | `burst = 3` |";

    fn count(document: &str, file: &str) -> usize {
        breaches(&Tree::of(&[
            ("services/a/src/settings.rs", SOURCE),
            ("docs/operations.md", document),
            ("deploy/settings/a.toml", file),
        ]))
        .len()
    }

    #[test]
    fn read_settings_and_explained_settings_are_the_same() {
        assert_eq!(count(EXPLAINED, ""), 0);
        assert_eq!(count("| `[server]` | |\n| `[[rules]]` | `burst` |", ""), 1);
        let more = |text: &str| count(&format!("{EXPLAINED}\n{text}"), "");
        assert_eq!(more("| `[server]` | `max_open = 3` |"), 1);
        assert_eq!(
            more("`server.listen`, `server.rs`, AIKAGI__SERVER__LISTEN"),
            0
        );
        assert_eq!(more("`server.open`"), 1);
        assert_eq!(more("AIKAGI__SERVER__OPEN"), 1);
    }

    #[test]
    fn a_field_of_logs_is_no_setting() {
        let found = breaches(&Tree::of(&[
            ("services/a/src/settings.rs", SOURCE),
            (
                "docs/operations.md",
                &format!("{EXPLAINED}\n`server.address`"),
            ),
            ("docs/logging.md", "| server.address | of the store |"),
        ]));
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn an_unknown_key_in_a_settings_file_is_found() {
        assert_eq!(
            count(EXPLAINED, "[server]\nlisten = \"x\"\n[[rules]]\nburst = 1"),
            0
        );
        assert_eq!(count(EXPLAINED, "[server]\nopen = true"), 1);
        assert_eq!(count(EXPLAINED, "[[rules]]\nburst = 1\nlength = 2"), 1);
    }
}
