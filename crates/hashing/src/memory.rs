//! The check that the hashing memory fits into the memory of this process.

use std::path::{Path, PathBuf};

/// The files with the memory limit of this process: cgroup v2, then v1.
const LIMIT_FILES: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// The hashing memory does not fit into the memory of this process.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The arenas alone need more memory than the limit.
    #[error(
        "hashing.threads × hashing.memory_kib needs {needed} bytes, but {file} allows {allowed}: lower one of them or raise the limit"
    )]
    Exceeded {
        /// The size of all arenas, in bytes.
        needed: u64,
        /// The limit, in bytes.
        allowed: u64,
        /// The file with the limit.
        file: PathBuf,
    },
    /// The limit cannot be read.
    #[error("cannot read a memory limit in {file}")]
    Unreadable {
        /// The file that was read.
        file: PathBuf,
    },
}

/// Refuses arenas of `needed` bytes in all if they exceed the cgroup's memory limit. Without this check the service
/// would start, and the kernel would kill it under load.
///
/// `limit_file` is the file with the limit in bytes. If it is `None`, the cgroup's own files are read. Without these
/// files there is no limit.
pub(crate) fn check_memory(needed: u64, limit_file: Option<&Path>) -> Result<(), MemoryError> {
    let file = match limit_file {
        Some(file) => file,
        None => match LIMIT_FILES.iter().map(Path::new).find(|file| file.exists()) {
            Some(file) => file,
            None => return Ok(()),
        },
    };
    let unreadable = || MemoryError::Unreadable {
        file: file.to_owned(),
    };
    let text = std::fs::read_to_string(file).map_err(|_| unreadable())?;
    let text = text.trim();
    if text == "max" {
        return Ok(());
    }
    let allowed: u64 = text.parse().map_err(|_| unreadable())?;
    if needed > allowed {
        return Err(MemoryError::Exceeded {
            needed,
            allowed,
            file: file.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(limit: &str) -> Result<(), MemoryError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("memory.max");
        std::fs::write(&file, limit).unwrap();
        check_memory(4 * 1024 * 1024, Some(&file))
    }

    #[test]
    fn arenas_beyond_the_limit_are_refused() {
        assert_eq!(checked("max\n"), Ok(()));
        assert_eq!(checked("4194304\n"), Ok(()));
        let refused = checked("4194303\n").unwrap_err();
        assert!(matches!(
            refused,
            MemoryError::Exceeded {
                needed: 4_194_304,
                allowed: 4_194_303,
                ..
            }
        ));
        assert!(refused.to_string().contains("memory.max"));
        assert!(matches!(
            checked("plenty"),
            Err(MemoryError::Unreadable { .. })
        ));
    }
}
