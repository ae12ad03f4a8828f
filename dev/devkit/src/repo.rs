//! This repository: its root, its files, and the commits that a program compares or unpacks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::command::{self, show};

/// Directories without our sources.
const SKIPPED: [&str; 5] = ["target", "node_modules", ".git", "__pycache__", ".venv"];

/// This repository.
#[derive(Clone, Debug)]
pub struct Repo {
    /// The root directory of the repository.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
}

impl Repo {
    /// The repository that this program was built from. Fails if this crate is not two folders
    /// below a root.
    pub fn here() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .context("this program was not built in a repository")?
            .to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// Runs git and returns its output; fails when git fails.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        command::run(
            Command::new("git")
                .arg("-C")
                .arg(&self.root)
                .args(arguments),
        )
    }

    /// Replaces the directory `to` with the files of a commit.
    pub fn unpack(&self, commit: &str, to: &Path) -> Result<()> {
        let _ = std::fs::remove_dir_all(to);
        std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
        let mut archive = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(["archive", commit])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start git")?;
        let packed = archive.stdout.take().context("git has no output")?;
        let mut unpack = Command::new("tar");
        // -m: the files get the present time, so cargo builds the changed ones.
        unpack.args(["-x", "-m", "-C"]).arg(to).stdin(packed);
        let unpacked = show(&mut unpack, "tar");
        ensure!(
            archive.wait().context("cannot wait for git")?.success(),
            "git archive failed"
        );
        unpacked
    }

    /// The commit at which this branch left the main branch. None on the main branch, or if there
    /// is no main branch.
    pub fn base(&self) -> Option<String> {
        let head = self.git(&["rev-parse", "HEAD"]).ok()?;
        let base = ["origin/main", "main"]
            .iter()
            .find_map(|branch| self.git(&["merge-base", "HEAD", branch]).ok())?;
        (base != head).then(|| base.trim().to_owned())
    }

    /// All our files whose names end in one of `endings`, as sorted paths from the root.
    pub fn files(&self, endings: &[&str]) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut directories = vec![self.root.clone()];
        while let Some(dir) = directories.pop() {
            let entries = std::fs::read_dir(&dir)
                .with_context(|| format!("cannot read {}", dir.display()))?;
            for entry in entries {
                let path = entry
                    .with_context(|| format!("cannot read {}", dir.display()))?
                    .path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if path.is_symlink() {
                    continue;
                }
                if path.is_dir() {
                    if !SKIPPED.contains(&name.as_ref()) && path != self.target {
                        directories.push(path);
                    }
                } else if endings.iter().any(|ending| name.ends_with(ending)) {
                    found.push(path.strip_prefix(&self.root).unwrap_or(&path).to_owned());
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// The text of a file, by its path from the root.
    pub fn read(&self, path: &Path) -> Result<String> {
        std::fs::read_to_string(self.root.join(path))
            .with_context(|| format!("cannot read {}", path.display()))
    }
}
