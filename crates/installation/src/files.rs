//! Writes the directories and files with secrets. Only this module writes them.

use std::fs::{DirBuilder, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Creates a directory that only its owner may enter (mode 700). An existing directory keeps its mode, and
/// must belong to the user of this process.
pub fn private_directory(dir: &Path) -> Result<PathBuf> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot create {}", dir.display()))?;
    let owner = std::fs::symlink_metadata(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .uid();
    if owner != nix::unistd::geteuid().as_raw() {
        bail!("{} belongs to another user", dir.display());
    }
    Ok(dir.to_owned())
}

/// Writes or replaces a file that only its owner may read (mode 600). Readers see the old content or the new
/// one. After this returns, the new content survives a crash of the machine.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    write(path, content, 0o600)
}

/// Does the same as [`write_private`], for a file that everyone may read (mode 644).
pub fn write_public(path: &Path, content: &[u8]) -> Result<()> {
    write(path, content, 0o644)
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    replace(path, content, mode, File::sync_all)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a new file and renames it to `path`. Calls `sync` on the file before the rename, and on the
/// directory after it.
fn replace(
    path: &Path,
    content: &[u8],
    mode: u32,
    sync: impl Fn(&File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(dir)?;
    // If a later step fails, dropping this value removes the new file.
    let mut new = tempfile::Builder::new().suffix(".new").tempfile_in(dir)?;
    new.as_file()
        .set_permissions(Permissions::from_mode(mode))?;
    new.write_all(content)?;
    // Without this, the rename could reach the disk first, and a crash would leave an empty file.
    sync(new.as_file())?;
    new.persist(path)?;
    sync(&File::open(dir)?)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::{Error, ErrorKind};

    use super::*;

    fn mode(file: &Path) -> u32 {
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_has_the_mode_that_its_readers_need() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/secret");
        write_private(&file, b"one").unwrap();
        assert_eq!(mode(&file), 0o600);
        write_public(&file, b"two").unwrap();
        assert_eq!(mode(&file), 0o644);
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
    }

    #[test]
    fn the_file_is_synced_before_the_rename_and_the_directory_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        write_private(&file, b"old").unwrap();
        let synced = RefCell::new(Vec::new());
        replace(&file, b"new", 0o600, |target| {
            let is_directory = target.metadata()?.is_dir();
            let length = if is_directory {
                0
            } else {
                target.metadata()?.len()
            };
            let there = std::fs::read_to_string(&file)?;
            synced.borrow_mut().push((is_directory, length, there));
            Ok(())
        })
        .unwrap();
        let expected = [(false, 3, "old".to_owned()), (true, 0, "new".to_owned())];
        assert_eq!(synced.into_inner(), expected);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        write_private(&file, b"old").unwrap();
        let full = |_: &File| Err(Error::from(ErrorKind::StorageFull));
        let refused = replace(&file, b"new", 0o600, full).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_private_directory_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let private = private_directory(&dir.path().join("a/b")).unwrap();
        assert_eq!(mode(&private), 0o700);
        private_directory(&private).unwrap();
    }
}
