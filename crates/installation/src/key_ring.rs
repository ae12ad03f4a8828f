//! The key ring of an installation (INV-9).

use std::path::Path;

use aikagi_hashing::seal::KeyRing;
use anyhow::Result;

use crate::files::write_private;

/// The id of the first key.
const FIRST_KEY: &str = "1";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ring_is_created_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secrets/key-ring.toml");
        assert!(ensure_key_ring(&file).unwrap());
        let made = std::fs::read(&file).unwrap();
        assert!(!ensure_key_ring(&file).unwrap());
        assert_eq!(std::fs::read(&file).unwrap(), made);
        KeyRing::load(&file).unwrap();
    }
}
