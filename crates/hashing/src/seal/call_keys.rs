//! The keys of calls.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::SealError;
use super::context::Binding;
use super::file::{KeyFileError, Text, load};
use super::stored::{SealedValue, Version};
use super::symmetric::SymmetricKey;

/// The keys that seal and open records of calls, and nothing else (IVR-12, INV-9). The active key seals. Every key
/// opens, so a call survives a rotation. Clones share the keys. Debug output does not contain them, and the last drop
/// wipes them (INV-8).
#[derive(Clone)]
pub struct CallKeys(Arc<CallKeysContent>);

struct CallKeysContent {
    active: String,
    keys: BTreeMap<String, SymmetricKey>,
}

impl CallKeys {
    /// Reads call keys. `active = "<id>"` names the key that seals. The table `[calls]` maps each id to its key.
    ///
    /// Fails if anyone but the owner has access to the file, or if the file has keys that open hashes.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        load(path, Self::parse)
    }

    /// Parses the text of a file. The error names the problem and contains no text of the file.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = Text::parse(text)?;
        let calls = match (text.keys, text.sealing, text.calls) {
            (None, None, Some(calls)) => calls,
            (Some(_), _, _) => {
                return Err(
                    "this is a key ring, which can open hashes: give this service the call keys",
                );
            }
            (None, Some(_), _) => {
                return Err("this is a sealing ring: give this service the call keys");
            }
            (None, None, None) => return Err("the table `[calls]` is missing"),
        };
        let mut keys = BTreeMap::new();
        for (id, encoded) in calls {
            keys.insert(id, SymmetricKey::new(*encoded.decode()?));
        }
        if !keys.contains_key(&text.active) {
            return Err("`active` names no key of the file");
        }
        Ok(Self(Arc::new(CallKeysContent {
            active: text.active,
            keys,
        })))
    }

    /// Seals the record of a call with the active key.
    pub fn seal(&self, call_id: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let id = &self.0.active;
        let key = self.0.keys.get(id).ok_or(SealError::UnknownKey)?;
        key.seal(id, Binding::Call(call_id), plain)
    }

    /// Opens the record of a call that any of the keys has sealed.
    pub fn open(&self, call_id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let stored = SealedValue::read(sealed)
            .filter(|stored| stored.version == Version::Symmetric)
            .ok_or(SealError::Invalid)?;
        let key = self.0.keys.get(stored.id).ok_or(SealError::UnknownKey)?;
        key.open(Binding::Call(call_id), &stored)
    }
}

impl fmt::Debug for CallKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallKeys")
            .field("active", &self.0.active)
            .field("keys", &self.0.keys.keys())
            .finish()
    }
}
