//! Whether the arenas fit into the memory that this process may use.

use std::path::{Path, PathBuf};

use crate::Settings;

/// Where the kernel says how much memory this process may use: cgroup v2, then v1.
const LIMIT_FILES: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// The hashing memory does not fit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The arenas alone are more than the limit.
    #[error(
        "hashing.threads × hashing.memory_kib needs {needed} bytes, but {file} allows {allowed}: lower one of them or raise the limit"
    )]
    Exceeded {
        /// Bytes of all arenas.
        needed: u64,
        /// Bytes of the limit.
        allowed: u64,
        /// The file that states the limit.
        file: PathBuf,
    },
    /// The limit cannot be read.
    #[error("{file} holds no memory limit")]
    Unreadable {
        /// The file that was asked.
        file: PathBuf,
    },
}

/// Refuses settings whose arenas exceed the cgroup's memory limit: the kernel would kill the service at its
/// first busy moment, not at its start.
///
/// `limit_file` is the file that states the limit; when it is `None` the cgroup's own files are asked, and a
/// machine without them has no limit.
pub fn check_memory(settings: &Settings, limit_file: Option<&Path>) -> Result<(), MemoryError> {
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
    let needed = settings.arena_bytes();
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
        let settings = Settings {
            memory_kib: 1024,
            threads: Some(4),
            ..Settings::default()
        };
        check_memory(&settings, Some(&file))
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
