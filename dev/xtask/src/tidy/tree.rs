//! The input of the checks: the texts of the repository, and their differences from the base commit.

use std::collections::BTreeMap;

use anyhow::Result;

use aikagi_devkit::repo::Repo;

/// The texts of the repository, by their paths from the root with `/` between the parts.
#[derive(Debug, Default)]
pub(super) struct Tree {
    texts: BTreeMap<String, String>,
}

impl Tree {
    /// The files that git tracks or would track, as they are on disk. A file that is not UTF-8 has an empty text.
    pub(super) fn read(repo: &Repo) -> Result<Self> {
        let listed = repo.git(&["ls-files", "--cached", "--others", "--exclude-standard"])?;
        let mut texts = BTreeMap::new();
        for path in listed.lines() {
            // Git lists a deleted file until the deletion is committed.
            let Ok(bytes) = std::fs::read(repo.root.join(path)) else {
                continue;
            };
            texts.insert(
                path.to_owned(),
                String::from_utf8(bytes).unwrap_or_default(),
            );
        }
        Ok(Self { texts })
    }

    #[cfg(test)]
    pub(super) fn of(texts: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self {
            texts: texts.iter().map(own).collect(),
        }
    }

    /// All paths and texts, sorted by path.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The paths that end in `ending`, and their texts.
    pub(super) fn ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.all().filter(move |(path, _)| path.ends_with(ending))
    }

    /// The text at a path.
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The same tree with only these paths.
    pub(super) fn only(&self, paths: &[String]) -> Self {
        let mut texts = BTreeMap::new();
        for path in paths {
            if let Some(text) = self.texts.get(path) {
                texts.insert(path.clone(), text.clone());
            }
        }
        Self { texts }
    }

    /// True if a file or a directory has this path.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = format!("{path}/");
        let next = self.texts.range(inside.clone()..).next();
        self.texts.contains_key(path) || next.is_some_and(|(found, _)| found.starts_with(&inside))
    }
}

/// The commit with which this branch is compared.
#[derive(Debug)]
pub(super) struct Base<'a> {
    repo: &'a Repo,
    commit: String,
}

impl<'a> Base<'a> {
    /// The commit at which this branch left the main branch. None on the main branch, or if there
    /// is no main branch.
    pub(super) fn of(repo: &'a Repo) -> Option<Self> {
        let commit = repo.base()?;
        Some(Self { repo, commit })
    }

    /// The id of the commit.
    pub(super) fn commit(&self) -> &str {
        &self.commit
    }

    /// The paths of files that were changed, added or removed since this commit.
    pub(super) fn changed(&self) -> Result<Vec<String>> {
        let differing = self.repo.git(&["diff", "--name-only", &self.commit])?;
        let new = self
            .repo
            .git(&["ls-files", "--others", "--exclude-standard"])?;
        let all = differing.lines().chain(new.lines());
        Ok(all.map(ToOwned::to_owned).collect())
    }

    /// The base's texts at these paths. A path that the base does not have is left out.
    pub(super) fn tree(&self, paths: &[String]) -> Tree {
        let mut texts = BTreeMap::new();
        for path in paths {
            let object = format!("{}:{path}", self.commit);
            if let Ok(text) = self.repo.git(&["show", &object]) {
                texts.insert(path.clone(), text);
            }
        }
        Tree { texts }
    }

    /// The titles of the commits after this commit, with their short ids, newest first.
    pub(super) fn titles(&self) -> Result<Vec<(String, String)>> {
        let range = format!("{}..HEAD", self.commit);
        let log = self
            .repo
            .git(&["log", "--no-merges", "--format=%h%x09%s", &range])?;
        let split = |line: &str| {
            let (id, title) = line.split_once('\t')?;
            Some((id.to_owned(), title.to_owned()))
        };
        Ok(log.lines().filter_map(split).collect())
    }
}

/// True if a path belongs to tests or benchmarks.
pub(super) fn is_test(path: &str) -> bool {
    let is_folder = |part: &str| matches!(part, "tests" | "tests.rs" | "benches");
    path.split('/').any(is_folder)
}
