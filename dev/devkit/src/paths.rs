//! Directories and logs of private processes.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aikagi_installation::files::private_directory;
use anyhow::Result;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// The longest path of a directory for a socket, in bytes. The path of a socket has at most 107
/// bytes. The longest name of a socket here has 20, and a slash comes before it.
const LONGEST_SOCKET_DIRECTORY: usize = 107 - 21;

/// The directory for the sockets of a server in `dir`. This is `dir` itself, unless its path is too
/// long for a socket. Then it is a directory with a short name that is derived from the path.
pub fn socket_directory(dir: &Path) -> Result<PathBuf> {
    if dir.as_os_str().len() <= LONGEST_SOCKET_DIRECTORY {
        return Ok(dir.to_owned());
    }
    cluster_directory(&std::env::temp_dir().join(format!("aikagi-{}", short_hash(dir))))
}

/// Like [`private_directory`], but also accepts a directory that root has given to the user of PostgreSQL's package.
pub(crate) fn cluster_directory(dir: &Path) -> Result<PathBuf> {
    let owner = std::fs::symlink_metadata(dir).map(|directory| directory.uid());
    let package = nix::unistd::User::from_name("postgres").ok().flatten();
    if nix::unistd::geteuid().is_root()
        && let (Ok(owner), Some(package)) = (owner, package)
        && owner == package.uid.as_raw()
    {
        return Ok(dir.to_owned());
    }
    private_directory(dir)
}

/// The last `lines` lines of a log. Empty if there is no log.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}

/// Twelve hexadecimal digits that are derived from a path.
pub(crate) fn short_hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let mut text = HEXLOWER.encode(&digest);
    text.truncate(12);
    text
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
    fn a_tail_is_the_last_lines() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        std::fs::write(&log, "one\ntwo\nthree").unwrap();
        assert_eq!(tail(&log, 1), "three");
        assert_eq!(tail(&log, 9), "one\ntwo\nthree");
        assert_eq!(tail(&dir.path().join("none"), 9), "");
    }
}
