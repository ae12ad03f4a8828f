//! The files of keys.
//!
//! Each has `active = "<id>"`, the id of the key that seals. One table says what kind of file it is: `[keys]` in a key
//! ring, `[sealing]` in a sealing ring, `[calls]` in call keys. Every key has 32 bytes, in base64.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::KEY_BYTES;

/// The permission bits of everyone but the owner.
const OTHERS: u32 = 0o077;

/// Why a file of keys is refused. The error contains no text of the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("{path}: {kind}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        kind: std::io::ErrorKind,
    },
    /// Users other than the owner may read or write the file.
    #[error("{path}: group or others have access (mode {mode:o}); set the mode to 600 or 400")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file has other content.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: &'static str,
    },
}

/// Reads a file and parses its text. Fails if anyone but the owner has access to the file.
pub(super) fn load<T>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<T, KeyFileError> {
    let unreadable = |error: std::io::Error| KeyFileError::Unreadable {
        path: path.to_owned(),
        kind: error.kind(),
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unreadable)?;
    parse(&text).map_err(|reason| KeyFileError::Malformed {
        path: path.to_owned(),
        reason,
    })
}

/// The content of a file of keys, of any kind.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub(super) active: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<BTreeMap<String, Encoded>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sealing: Option<Sealing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calls: Option<BTreeMap<String, Encoded>>,
}

/// The table `[sealing]`, with the keys of the active id.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealing {
    pub(super) public_key: Encoded,
    pub(super) pre_shared_key: Encoded,
}

impl Text {
    /// Parses the text of a file. The error contains no text of the file.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        // The parser's message quotes the line, which may contain a key.
        let text: Self = toml::from_str(text)
            .map_err(|_| "expected `active` and one table: `[keys]`, `[sealing]` or `[calls]`")?;
        let ids = [&text.keys, &text.calls].into_iter().flatten();
        let ids = ids.flat_map(BTreeMap::keys).chain([&text.active]);
        for id in ids {
            if id.is_empty() || id.len() > usize::from(u8::MAX) {
                return Err("a key id must have 1 to 255 bytes");
            }
        }
        Ok(text)
    }

    /// The text of a file with this content.
    pub(super) fn write(&self) -> Result<Zeroizing<String>, &'static str> {
        toml::to_string(self)
            .map(Zeroizing::new)
            .map_err(|_| "a key id cannot be written")
    }
}

/// A key in base64, wiped on drop.
#[derive(Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(super) struct Encoded(String);

impl Encoded {
    pub(super) fn of(key: &[u8; KEY_BYTES]) -> Self {
        Self(STANDARD.encode(key))
    }

    pub(super) fn decode(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, &'static str> {
        let bytes = STANDARD.decode(&self.0);
        let bytes = Zeroizing::new(bytes.map_err(|_| "a key is not base64")?);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return Err("a key is not 32 bytes long");
        }
        key.copy_from_slice(&bytes);
        Ok(key)
    }
}
