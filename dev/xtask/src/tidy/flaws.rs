//! A planted flaw (`cargo xtask faults --flaws`) must fit the sources, or nobody notices that it proves nothing.

use anyhow::Result;

use aikagi_devkit::repo::Repo;

use crate::faults;

/// Flaws that cannot be applied to the sources.
pub(super) fn breaches(repo: &Repo) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for flaw in faults::flaws(&repo.root)? {
        let path = flaw
            .strip_prefix(&repo.root)
            .unwrap_or(&flaw)
            .to_string_lossy();
        if repo.git(&["apply", "--check", &path]).is_err() {
            found.push(format!(
                "{path} does not fit the sources: change the patch with them"
            ));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flaw_that_does_not_fit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let repo = Repo {
            root: dir.path().to_owned(),
            target: dir.path().join("target"),
        };
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        repo.git(&["init", "-q"]).unwrap();
        write("code.rs", "charge();\nhash();\n");
        let flaw =
            "--- a/code.rs\n+++ b/code.rs\n@@ -1,2 +1,2 @@\n-charge();\n hash();\n+charge();\n";
        write("tests/flaws/late.patch", flaw);
        assert!(breaches(&repo).unwrap().is_empty());
        write("code.rs", "charge(number);\nhash();\n");
        assert_eq!(breaches(&repo).unwrap().len(), 1);
    }
}
