//! The repository: where it is, what is in it, what its main branch says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aikagi_devkit::command;
use anyhow::{Context, Result, ensure};

use crate::cargo::show;

/// Directories that hold nothing of ours.
const SKIPPED: [&str; 5] = ["target", "node_modules", ".git", "__pycache__", ".venv"];

/// This repository.
#[derive(Clone, Debug)]
pub(crate) struct Repo {
    /// Its root.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

impl Repo {
    /// The repository that this program was built from.
    pub(crate) fn here() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .context("xtask is not in a repository")?
            .to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// What git answers; an error when it refuses.
    pub(crate) fn git(&self, arguments: &[&str]) -> Result<String> {
        command::run(
            Command::new("git")
                .arg("-C")
                .arg(&self.root)
                .args(arguments),
        )
    }

    /// Puts a commit's files into a directory of their own, in place of what is there.
    pub(crate) fn unpack(&self, commit: &str, to: &Path) -> Result<()> {
        let _ = std::fs::remove_dir_all(to);
        std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
        let mut archive = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(["archive", commit])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start git")?;
        let packed = archive.stdout.take().context("git says nothing")?;
        let mut unpack = Command::new("tar");
        // Of now, so that cargo builds what was not built before.
        unpack.args(["-x", "-m", "-C"]).arg(to).stdin(packed);
        let unpacked = show(&mut unpack, "tar");
        ensure!(
            archive.wait().context("git was lost")?.success(),
            "git archive failed"
        );
        unpacked
    }

    /// The commit that this work is to be compared with: where it left the main branch. None when it is
    /// that branch, or there is no such branch here.
    pub(crate) fn base(&self) -> Option<String> {
        let head = self.git(&["rev-parse", "HEAD"]).ok()?;
        let base = ["origin/main", "main"]
            .iter()
            .find_map(|branch| self.git(&["merge-base", "HEAD", branch]).ok())?;
        (base != head).then(|| base.trim().to_owned())
    }

    /// All files of ours whose names end in one of `endings`, with paths from the root, in order.
    pub(crate) fn files(&self, endings: &[&str]) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut waiting = vec![self.root.clone()];
        while let Some(dir) = waiting.pop() {
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
                        waiting.push(path);
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
    pub(crate) fn read(&self, path: &Path) -> Result<String> {
        std::fs::read_to_string(self.root.join(path))
            .with_context(|| format!("cannot read {}", path.display()))
    }
}
