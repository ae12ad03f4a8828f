//! Dockerfiles and workflows name images of one version of Rust and one version of Node: the versions
//! in rust-toolchain.toml and in the site's package.json.

use super::tree::Tree;

const TOOLCHAIN: &str = "rust-toolchain.toml";
const SITE: &str = "frontends/site/package.json";

/// Images with another version.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (image, pin, version) in [
        ("rust:", TOOLCHAIN, after(tree, TOOLCHAIN, "channel")),
        ("node:", SITE, after(tree, SITE, "\"node\"")),
    ] {
        let Some(version) = version else {
            found.push(format!("{pin}: names no version"));
            continue;
        };
        for (path, text) in tree.all().filter(|(path, _)| names_images(path)) {
            for (index, line) in text.lines().enumerate() {
                for other in images(line, image) {
                    if !is_same(version, other) {
                        let place = format!("{path}:{}", index + 1);
                        found.push(format!("{place}: {image}{other}, but {pin} has {version}"));
                    }
                }
            }
        }
    }
    found
}

fn names_images(path: &str) -> bool {
    path.ends_with("Dockerfile") || path.starts_with(".github/workflows/")
}

/// The version in the first line of a file that contains `key`.
fn after<'a>(tree: &'a Tree, path: &str, key: &str) -> Option<&'a str> {
    let line = tree.get(path)?.lines().find(|line| line.contains(key))?;
    let (_, value) = line.split_once(key)?;
    let begin = value.find(|c: char| c.is_ascii_digit())?;
    let version = value.get(begin..)?;
    let end = version
        .find(|c: char| !is_version(c))
        .unwrap_or(version.len());
    version.get(..end)
}

/// The versions of an image in a line.
fn images<'a>(line: &'a str, image: &str) -> impl Iterator<Item = &'a str> {
    let begins = |c: char| !(c.is_alphanumeric() || c == '-' || c == '_' || c == ':' || c == '.');
    line.split(begins)
        .filter_map(move |word| word.strip_prefix(image))
        .map(|version| version.split(|c| !is_version(c)).next().unwrap_or(version))
        .filter(|version| !version.is_empty())
}

/// True if the versions are equal, or if one is a shorter form of the other.
fn is_same(one: &str, other: &str) -> bool {
    one.split('.').zip(other.split('.')).all(|(a, b)| a == b)
}

fn is_version(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(dockerfile: &str, workflow: &str) -> usize {
        breaches(&Tree::of(&[
            (TOOLCHAIN, "[toolchain]\nchannel = \"1.95.0\"\n"),
            (SITE, "{ \"engines\": {\n\"node\": \">=22\"\n} }"),
            ("deploy/Dockerfile", dockerfile),
            (".github/workflows/push.yml", workflow),
        ]))
        .len()
    }

    #[test]
    fn images_have_the_versions_of_the_pins() {
        assert_eq!(
            count("FROM rust:1.95-slim AS build\nFROM node:22-slim", ""),
            0
        );
        assert_eq!(count("FROM rust:1.94-slim AS build", ""), 1);
        assert_eq!(count("FROM node:24-slim", ""), 1);
        assert_eq!(count("", "container: { image: \"rust:1.96-trixie\" }"), 1);
        assert_eq!(count("FROM my-rust:1.2\nCOPY node:x", ""), 0);
    }

    #[test]
    fn a_pin_names_a_version() {
        assert_eq!(breaches(&Tree::of(&[])).len(), 2);
    }
}
