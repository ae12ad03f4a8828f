//! The files of keys of an installation (INV-9).

use std::path::Path;

use aikagi_hashing::seal::KeyRing;
use anyhow::{Context as _, Result, anyhow};
use zeroize::Zeroizing;

use crate::files::write_private;

/// The id of the first key.
const FIRST_KEY: &str = "1";

/// A file of keys. Only the key ring is generated. The other files are derived from it, and it cannot be computed from
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// Seals and opens hashes and records of sessions. The other files are derived from it.
    KeyRing,
    /// Seals hashes.
    SealingRing,
    /// Seals and opens records of calls.
    CallKeys,
}

impl KeyFile {
    /// All files of keys.
    pub const ALL: [Self; 3] = [Self::KeyRing, Self::SealingRing, Self::CallKeys];

    /// The name of the file.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::KeyRing => "key-ring.toml",
            Self::SealingRing => "sealing-ring.toml",
            Self::CallKeys => "call-keys.toml",
        }
    }

    /// The section and the key of the setting that names the file.
    pub const fn setting(self) -> (&'static str, &'static str) {
        match self {
            Self::KeyRing => ("hashing", "key_ring"),
            Self::SealingRing => ("hashing", "sealing_ring"),
            Self::CallKeys => ("call", "keys"),
        }
    }

    /// The text of the file in an installation with this key ring. Fails if the text of the key ring cannot be parsed.
    pub fn text(self, key_ring: &str) -> Result<Zeroizing<String>> {
        let parsed = KeyRing::parse(key_ring).map_err(|problem| anyhow!("key ring: {problem}"))?;
        let text = match self {
            Self::KeyRing => Ok(Zeroizing::new(key_ring.to_owned())),
            Self::SealingRing => parsed.sealing_ring_text(),
            Self::CallKeys => parsed.call_keys_text(),
        };
        text.map_err(|problem| anyhow!("{}: {problem}", self.file_name()))
    }
}

/// Creates a key ring with one key if `file` does not exist. Returns true if it created one.
///
/// An existing key ring is never replaced. Without its keys, the values sealed under them could not be
/// opened.
pub fn ensure_key_ring(file: &Path) -> Result<bool> {
    if file.try_exists()? {
        return Ok(false);
    }
    let text = KeyRing::generate_file_text(FIRST_KEY, &mut rand::rng());
    write_private(file, text.as_bytes())?;
    Ok(true)
}

/// Writes every file of keys to one directory, for a system on one machine. An existing key ring is never replaced.
pub fn ensure_key_files(directory: &Path) -> Result<()> {
    let key_ring = directory.join(KeyFile::KeyRing.file_name());
    ensure_key_ring(&key_ring)?;
    let text = read_key_ring(&key_ring)?;
    for file in [KeyFile::SealingRing, KeyFile::CallKeys] {
        write_private(
            &directory.join(file.file_name()),
            file.text(&text)?.as_bytes(),
        )?;
    }
    Ok(())
}

/// The text of a key ring's file.
pub fn read_key_ring(file: &Path) -> Result<Zeroizing<String>> {
    std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use aikagi_hashing::seal::{CallKeys, SealingRing};

    use super::*;

    #[test]
    fn a_key_ring_is_created_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secrets/key-ring.toml");
        assert!(ensure_key_ring(&file).unwrap());
        let first = std::fs::read(&file).unwrap();
        assert!(!ensure_key_ring(&file).unwrap());
        assert_eq!(std::fs::read(&file).unwrap(), first);
        KeyRing::load(&file).unwrap();
    }

    /// INV-9: the derived files follow the key ring, and each can be loaded.
    #[test]
    fn derived_files_follow_the_key_ring() {
        let dir = tempfile::tempdir().unwrap();
        let file = |file: KeyFile| dir.path().join(file.file_name());
        let read = || KeyFile::ALL.map(|kind| std::fs::read(file(kind)).unwrap());
        ensure_key_files(dir.path()).unwrap();
        let first = read();
        ensure_key_files(dir.path()).unwrap();
        assert_eq!(read(), first);
        KeyRing::load(&file(KeyFile::KeyRing)).unwrap();
        SealingRing::load(&file(KeyFile::SealingRing)).unwrap();
        CallKeys::load(&file(KeyFile::CallKeys)).unwrap();

        std::fs::remove_file(file(KeyFile::KeyRing)).unwrap();
        ensure_key_files(dir.path()).unwrap();
        let other = read();
        assert!((0..3).all(|at| first[at] != other[at]));
    }
}
