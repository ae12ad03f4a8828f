//! The file of the key ring.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::CryptoRng;
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KEY_BYTES, KeyRing, Keys, SealingKey};

/// The permission bits of everyone but the owner.
const OTHERS: u32 = 0o077;

/// Why the file of a key ring is refused. The error contains no text of the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The file cannot be read.
    #[error("key ring {path}: {kind}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        kind: std::io::ErrorKind,
    },
    /// Users other than the owner may read or write the file.
    #[error(
        "key ring {path}: group or others have access (mode {mode:o}); set the mode to 600 or 400"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a key ring.
    #[error("key ring {path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    active: String,
    keys: BTreeMap<String, Encoded>,
}

/// A key in base64, wiped on drop.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct Encoded(String);

impl KeyRing {
    /// Reads a key ring. `active = "<id>"` names the key that seals. The table `[keys]` maps each id to the 32 bytes of
    /// its key, in base64.
    ///
    /// Fails if anyone but the owner has access to the file.
    pub fn load(path: &Path) -> Result<Self, KeyRingError> {
        let unreadable = |error: std::io::Error| KeyRingError::Unreadable {
            path: path.to_owned(),
            kind: error.kind(),
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(KeyRingError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(unreadable)?;
        Self::parse(&text).map_err(|reason| KeyRingError::Malformed {
            path: path.to_owned(),
            reason,
        })
    }

    /// Parses the text of a file. The error names the problem and contains no text of the file.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // The parser's message quotes the line, which may contain a key.
        let text: Text = toml::from_str(text)
            .map_err(|_| "expected `active` and the table `[keys]`, and nothing else")?;
        let mut keys = BTreeMap::new();
        for (id, encoded) in text.keys {
            if id.is_empty() || id.len() > usize::from(u8::MAX) {
                return Err("a key id must have 1 to 255 bytes");
            }
            let bytes = Zeroizing::new(
                STANDARD
                    .decode(&encoded.0)
                    .map_err(|_| "a key is not base64")?,
            );
            let key: [u8; KEY_BYTES] = bytes
                .as_slice()
                .try_into()
                .map_err(|_| "a key is not 32 bytes long")?;
            keys.insert(id, SealingKey(key));
        }
        if !keys.contains_key(&text.active) {
            return Err("`active` names no key of the ring");
        }
        Ok(Self(Arc::new(Keys {
            active: text.active,
            keys,
        })))
    }

    /// The text of a file with a new key ring, which has one new key with this id.
    pub fn generate_file_text(
        key_id: &str,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Zeroizing<String> {
        let mut key = [0; KEY_BYTES];
        rng.fill_bytes(&mut key);
        let encoded = Zeroizing::new(STANDARD.encode(key));
        key.zeroize();
        let id = toml::Value::from(key_id);
        Zeroizing::new(format!(
            "active = {id}\n\n[keys]\n{id} = \"{}\"\n",
            encoded.as_str()
        ))
    }
}
