//! A schema migration that landed is never edited, because existing databases have already run it.

use std::path::Path;

use anyhow::Result;

use aikagi_devkit::repo::Repo;

const DIRECTORY: &str = "crates/ledger/migrations";

/// Schema migrations of the commit `base` that were edited or removed after this commit.
pub(super) fn breaches(repo: &Repo, base: &str) -> Result<Vec<String>> {
    let landed = repo.git(&["ls-tree", "-r", "--name-only", base, "--", DIRECTORY])?;
    let mut found = Vec::new();
    let is_sql = |path: &&str| {
        Path::new(path)
            .extension()
            .is_some_and(|ending| ending == "sql")
    };
    for path in landed.lines().filter(is_sql) {
        let was = repo.git(&["show", &format!("{base}:{path}")])?;
        match std::fs::read(repo.root.join(path)) {
            Ok(is) if is == was.as_bytes() => {}
            Ok(_) => found.push(format!(
                "{path} was edited after it had landed: write a new schema migration"
            )),
            Err(_) => found.push(format!("{path} was removed after it had landed")),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_or_removed_migration_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repo {
            root: dir.path().to_owned(),
            target: dir.path().join("target"),
        };
        let migrations = dir.path().join(DIRECTORY);
        std::fs::create_dir_all(&migrations).unwrap();
        let write = |name: &str, text: &str| std::fs::write(migrations.join(name), text).unwrap();
        for name in ["1_a.sql", "2_b.sql", "3_c.sql", "README.md"] {
            write(name, "SELECT 1;\n");
        }
        repo.git(&["init", "-q"]).unwrap();
        repo.git(&["add", "."]).unwrap();
        let author = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
        repo.git(&[&author[..], &["commit", "-q", "-m", "t"]].concat())
            .unwrap();
        assert!(breaches(&repo, "HEAD").unwrap().is_empty());

        write("1_a.sql", "SELECT 2;\n");
        write("README.md", "edited\n");
        std::fs::remove_file(migrations.join(Path::new("2_b.sql"))).unwrap();
        write("4_d.sql", "SELECT 4;\n");
        let found = breaches(&repo, "HEAD").unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
