//! Two modules of one folder do not import each other. Code that both need belongs in a third
//! module, or in one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::rust::{Kind, Token, after_group, code, group, opens};
use super::tree::Tree;

/// The names of modules from a crate's root to one of its modules.
type ModulePath = Vec<String>;

/// The longest chain of re-exports that is followed.
const MOST_REEXPORTS: usize = 8;

/// Pairs of modules that import each other, each with the places of both imports.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    roots(tree)
        .into_iter()
        .flat_map(|root| Crate::read(tree, root).pairs())
        .collect()
}

/// The folders that contain the root of a crate.
fn roots(tree: &Tree) -> BTreeSet<&str> {
    tree.ending(".rs")
        .filter_map(|(path, _)| {
            path.strip_suffix("/lib.rs")
                .or_else(|| path.strip_suffix("/main.rs"))
        })
        .collect()
}

/// The modules of one crate.
#[derive(Default)]
struct Crate {
    modules: BTreeSet<ModulePath>,
    /// The re-exports and imports of each module: a name, and the path that it stands for.
    names: BTreeMap<ModulePath, BTreeMap<String, ModulePath>>,
    /// The paths that each module uses, with their places.
    uses: Vec<Use>,
}

struct Use {
    module: ModulePath,
    target: ModulePath,
    place: String,
}

impl Crate {
    fn read(tree: &Tree, root: &str) -> Self {
        let inside = format!("{root}/");
        let mut files = Vec::new();
        for (path, text) in tree.ending(".rs") {
            let Some(name) = path.strip_prefix(&inside) else {
                continue;
            };
            let name = name.trim_end_matches(".rs");
            let module: ModulePath = match name {
                "lib" | "main" => vec![],
                _ => name.split('/').map(ToOwned::to_owned).collect(),
            };
            // Programs in `bin` are separate crates, and tests may import everything.
            if !module.iter().any(|part| part == "bin" || part == "tests") {
                files.push((module, path, text));
            }
        }
        let mut found = Self {
            modules: files.iter().map(|(module, _, _)| module.clone()).collect(),
            ..Self::default()
        };
        for (module, path, text) in files {
            found.scan(&module, path, &code(text));
        }
        found
    }

    fn scan(&mut self, module: &ModulePath, path: &str, tokens: &[Token<'_>]) {
        let mut at = 0;
        while let Some([first, after @ ..]) = tokens.get(at..) {
            let rest = tokens.get(at..).unwrap_or_default();
            let before = tokens.get(at.saturating_sub(2)..at).unwrap_or_default();
            let is_inside_path = opens(before, &[":", ":"]);
            at += 1;
            if first.is("mod")
                && let [name, open, ..] = after
                && open.is("{")
            {
                let inner = joined(module, name.text);
                let block = group(after.get(1..).unwrap_or_default());
                self.modules.insert(inner.clone());
                let content = block.get(1..block.len() - 1).unwrap_or_default();
                self.scan(&inner, path, content);
                at += 1 + block.len();
            } else if first.is("use") {
                for (target, name) in leaves(module, after) {
                    self.note(module, path, first.line, target.clone());
                    let names = self.names.entry(module.clone()).or_default();
                    names.insert(name, target);
                }
            } else if is_anchor(first) && !is_inside_path {
                let (target, _) = path_of(module, rest);
                self.note(module, path, first.line, target);
            }
        }
    }

    fn note(&mut self, module: &ModulePath, path: &str, line: usize, target: ModulePath) {
        self.uses.push(Use {
            module: module.clone(),
            target,
            place: format!("{path}:{line}"),
        });
    }

    /// The module that contains the target of a path. Follows re-exports.
    fn module_of(&self, target: &[String], depth: usize) -> ModulePath {
        let mut module = vec![];
        for (index, name) in target.iter().enumerate() {
            let inner = joined(&module, name);
            if self.modules.contains(&inner) {
                module = inner;
                continue;
            }
            let elsewhere = self.names.get(&module).and_then(|names| names.get(name));
            if let Some(elsewhere) = elsewhere
                && depth < MOST_REEXPORTS
            {
                let mut whole = elsewhere.clone();
                whole.extend(target.iter().skip(index + 1).cloned());
                return self.module_of(&whole, depth + 1);
            }
            break;
        }
        module
    }

    fn pairs(&self) -> Vec<String> {
        // The uses between two modules of one folder, each with its first place.
        let mut edges: BTreeMap<Edge, &str> = BTreeMap::new();
        for each in &self.uses {
            let target = self.module_of(&each.target, 0);
            let shared = each
                .module
                .iter()
                .zip(&target)
                .take_while(|(a, b)| a == b)
                .count();
            if let (Some(from), Some(to)) = (each.module.get(shared), target.get(shared)) {
                let edge = Edge {
                    folder: each.module.iter().take(shared).cloned().collect(),
                    from: from.clone(),
                    to: to.clone(),
                };
                edges.entry(edge).or_insert(&each.place);
            }
        }
        let mut found = Vec::new();
        for (edge, place) in &edges {
            let Edge { from, to, .. } = edge;
            // Each pair is reported only once.
            if let Some(back) = edges.get(&edge.back())
                && from < to
            {
                found.push(format!(
                    "{place}: {from} imports {to}, which imports {from} at {back}"
                ));
            }
        }
        found
    }
}

/// A use: the module `from` of a folder uses the module `to` of the same folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    folder: ModulePath,
    from: String,
    to: String,
}

impl Edge {
    fn back(&self) -> Self {
        Self {
            folder: self.folder.clone(),
            from: self.to.clone(),
            to: self.from.clone(),
        }
    }
}

fn is_anchor(token: &Token<'_>) -> bool {
    ["crate", "self", "super"].iter().any(|word| token.is(word))
}

fn joined(module: &[String], name: &str) -> ModulePath {
    let mut path = module.to_vec();
    path.push(name.to_owned());
    path
}

/// The path that `tokens` begin with, as seen from `module`, and the tokens after it.
fn path_of<'t, 's>(module: &[String], tokens: &'t [Token<'s>]) -> (ModulePath, &'t [Token<'s>]) {
    let mut path = module.to_vec();
    let mut rest = tokens;
    while let [token, after @ ..] = rest {
        if token.kind != Kind::Word {
            break;
        }
        match token.text {
            "crate" => path.clear(),
            "self" => {}
            "super" => {
                path.pop();
            }
            name => path.push(name.to_owned()),
        }
        rest = after;
        match after {
            [a, b, next, ..] if a.is(":") && b.is(":") && next.kind == Kind::Word => {
                rest = after.get(2..).unwrap_or_default();
            }
            _ => break,
        }
    }
    (path, rest)
}

/// The paths that a `use` brings into scope, each with the name that it has there.
fn leaves(module: &[String], tokens: &[Token<'_>]) -> Vec<(ModulePath, String)> {
    let (path, rest) = path_of(module, tokens);
    match rest {
        [a, b, open, ..] if a.is(":") && b.is(":") && open.is("{") => {
            let block = group(rest.get(2..).unwrap_or_default());
            let mut inside = block.get(1..).unwrap_or_default();
            let mut found = Vec::new();
            while let [first, ..] = inside {
                if first.is("}") {
                    break;
                }
                // Paths inside the braces are relative to the path before the braces.
                found.extend(leaves(&path, inside));
                inside = after_comma(inside);
            }
            found
        }
        [a, b, star, ..] if a.is(":") && b.is(":") && star.is("*") => vec![(path, "*".to_owned())],
        [word, alias, ..] if word.is("as") => vec![(path, alias.text.to_owned())],
        _ => {
            let name = path.last().cloned().unwrap_or_default();
            vec![(path, name)]
        }
    }
}

/// The tokens after the next comma that is not inside brackets.
fn after_comma<'t, 's>(mut tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    while let [first, after @ ..] = tokens {
        if first.is(",") {
            return after;
        }
        if first.is("}") {
            return tokens;
        }
        tokens = if first.is("{") {
            after_group(tokens)
        } else {
            after
        };
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(files: &[(&str, &str)]) -> Vec<String> {
        let root = ("a/src/lib.rs", "mod b; mod c; pub use b::B;");
        breaches(&Tree::of(&[&[root], files].concat()))
    }

    #[test]
    fn modules_that_import_each_other_are_reported_once() {
        let found = pairs(&[
            ("a/src/b.rs", "use super::c::C;\npub struct B;"),
            ("a/src/c.rs", "\nfn c(x: crate::b::B) {}"),
        ]);
        assert_eq!(
            found,
            ["a/src/b.rs:1: b imports c, which imports b at a/src/c.rs:2"]
        );
    }

    #[test]
    fn imports_in_one_direction_are_allowed() {
        let found = pairs(&[
            ("a/src/b.rs", "use crate::{c::{C, D as E}, b::d};"),
            ("a/src/c.rs", "pub struct C; mod e { use super::C; }"),
            ("a/src/b/d.rs", "use super::B; use crate::c;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn imports_through_a_reexport_are_found() {
        let found = pairs(&[
            ("a/src/b.rs", "use crate::c;"),
            ("a/src/c/d.rs", "use crate::B;"),
            ("a/src/c.rs", "mod d;"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn imports_of_inner_modules_also_count_for_outer_modules() {
        let inner = pairs(&[
            ("a/src/b.rs", "mod d; mod e;"),
            ("a/src/b/d.rs", "use super::e::E;"),
            ("a/src/b/e.rs", "use super::d::D;"),
        ]);
        assert_eq!(inner.len(), 1, "{inner:?}");
        let outer = pairs(&[
            ("a/src/b/d.rs", "use crate::c::f::F;"),
            ("a/src/c/f.rs", "use crate::b::e::E;"),
            ("a/src/c.rs", ""),
            ("a/src/b/e.rs", ""),
            ("a/src/b.rs", ""),
        ]);
        assert_eq!(outer.len(), 1, "{outer:?}");
    }

    #[test]
    fn tests_may_import_everything() {
        let found = pairs(&[
            ("a/src/b.rs", "use super::c::C; pub struct B;"),
            ("a/src/c.rs", "#[cfg(test)] mod tests { use crate::b::B; }"),
            ("a/src/c/tests.rs", "use crate::b::B;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_cycle_of_reexports_does_not_loop_forever() {
        let found = pairs(&[
            ("a/src/b.rs", "pub use crate::c::X;"),
            ("a/src/c.rs", "pub use crate::b::X;"),
        ]);
        assert!(found.len() <= 1);
    }
}
