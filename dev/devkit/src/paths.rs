//! Directories and files of private processes.

use std::io::Write as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

/// A socket's whole path has at most 107 bytes; the longest name that we put under a directory has 20.
const LONGEST_SOCKET_DIRECTORY: usize = 107 - 21;

/// Where sockets that belong to `dir` go: `dir` itself or, when its path is too long for a socket, a
/// short directory of our own whose name comes from the path.
pub fn socket_directory(dir: &Path) -> Result<PathBuf> {
    if dir.as_os_str().len() <= LONGEST_SOCKET_DIRECTORY {
        return Ok(dir.to_owned());
    }
    private_directory(&std::env::temp_dir().join(format!("aikagi-{}", short_hash(dir))))
}

/// Creates a directory that only we may enter, or takes it when it is ours already.
pub fn private_directory(dir: &Path) -> Result<PathBuf> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot create {}", dir.display()))?;
    let owner = std::fs::symlink_metadata(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .uid();
    let ourselves = nix::unistd::geteuid();
    // Root hands directories of its PostgreSQL over to the package's user.
    let package = nix::unistd::User::from_name("postgres").ok().flatten();
    let handed_over = ourselves.is_root() && package.is_some_and(|user| user.uid.as_raw() == owner);
    if owner != ourselves.as_raw() && !handed_over {
        bail!("{} belongs to another user", dir.display());
    }
    Ok(dir.to_owned())
}

/// Writes a file that only its owner may read, in one step: readers see the old one or the new one.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    write(path, content, 0o600)
}

/// Writes a file that everyone may read, in one step.
pub fn write_public(path: &Path, content: &[u8]) -> Result<()> {
    write(path, content, 0o644)
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = dir.join(name);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&new)
        .and_then(|mut file| {
            file.set_permissions(std::fs::Permissions::from_mode(mode))?;
            file.write_all(content)
        })
        .and_then(|()| std::fs::rename(&new, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// The last `lines` lines of a log; empty when there is none.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}

/// Twelve hexadecimal digits that stand for a path.
pub(crate) fn short_hash(path: &Path) -> String {
    hexadecimal(&Sha256::digest(path.as_os_str().as_encoded_bytes()), 6)
}

/// The first `bytes` bytes of a digest, in hexadecimal.
pub fn hexadecimal(digest: &[u8], bytes: usize) -> String {
    use std::fmt::Write as _;

    digest
        .iter()
        .take(bytes)
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket_directory() {
        let short = tempfile::tempdir().unwrap();
        assert_eq!(socket_directory(short.path()).unwrap(), short.path());
        let long = short.path().join("x".repeat(120));
        let found = socket_directory(&long).unwrap();
        assert!(found.as_os_str().len() < LONGEST_SOCKET_DIRECTORY);
        assert_eq!(found, socket_directory(&long).unwrap());
        std::fs::remove_dir(found).unwrap();
    }

    #[test]
    fn a_private_file_is_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/secret");
        write_private(&file, b"one\ntwo\nthree").unwrap();
        write_private(&file, b"two\nthree").unwrap();
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(tail(&file, 1), "three");
        assert_eq!(tail(&file, 9), "two\nthree");
    }
}
