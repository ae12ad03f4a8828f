//! Sealing: authenticated encryption of stored values, with keys that the stores do not have (INV-9).
//!
//! A sealed value is `version (1) | key id length (1) | key id | nonce (24) | ciphertext and tag`. The numbers in
//! parentheses are lengths in bytes. The cipher is XChaCha20-Poly1305, whose nonces are long enough to be random. The
//! header and the context are authenticated too, so a value opens only for the row for which it was sealed.

mod context;
mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aikagi_domain::fault::{Cause, ErrorType, Fault, FaultKind};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use context::Context;
pub use file::KeyRingError;

use crate::{Hash, HashError};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// Why a value could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key ring does not contain the key that sealed the value.
    #[error("sealed with a key that the key ring does not contain")]
    UnknownKey,
    /// The value is not sealed, was changed, or was sealed for another context.
    #[error("not a sealed value of this context")]
    Invalid,
    /// The operating system provides no random bytes for a nonce.
    #[error("the operating system provides no random bytes")]
    NoRandomness,
}

impl Fault for SealError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::UnknownKey | Self::Invalid | Self::NoRandomness => FaultKind::Internal,
        }
    }

    fn dependency(&self) -> Option<&str> {
        None
    }

    fn cause(&self) -> Cause {
        let error_type = match self {
            Self::UnknownKey => ErrorType::UnknownKey,
            Self::Invalid => ErrorType::BrokenSeal,
            Self::NoRandomness => ErrorType::Internal,
        };
        error_type.into()
    }

    fn operation(&self) -> &'static str {
        "seal or open a value"
    }
}

/// The sealing keys: the active key seals, and each key opens. Clones share the keys. Debug output does not contain
/// them, and the last drop wipes them (INV-8).
#[derive(Clone)]
pub struct KeyRing(Arc<Keys>);

struct Keys {
    active: String,
    keys: BTreeMap<String, SealingKey>,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct SealingKey([u8; KEY_BYTES]);

impl SealingKey {
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

impl KeyRing {
    /// Seals a value for this context with the active key.
    pub fn seal(&self, context: Context<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let id = &self.0.active;
        let key = self.0.keys.get(id).ok_or(SealError::UnknownKey)?;
        let id_length = u8::try_from(id.len()).map_err(|_| SealError::UnknownKey)?;
        let mut nonce = [0; NONCE_BYTES];
        SysRng
            .try_fill_bytes(&mut nonce)
            .map_err(|_| SealError::NoRandomness)?;

        let mut sealed = vec![VERSION, id_length];
        sealed.extend_from_slice(id.as_bytes());
        let payload = Payload {
            msg: plain,
            aad: &context.associated_data(&sealed),
        };
        let ciphertext = key
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Invalid)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens a value that was sealed for this context with any key of the ring.
    pub fn open(
        &self,
        context: Context<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let parts = Parts::of(sealed).ok_or(SealError::Invalid)?;
        let key = self.0.keys.get(parts.id).ok_or(SealError::UnknownKey)?;
        let payload = Payload {
            msg: parts.ciphertext,
            aad: &context.associated_data(parts.header),
        };
        key.cipher()
            .decrypt(&XNonce::from(*parts.nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Invalid)
    }

    /// Seals a hash.
    pub fn seal_hash(&self, context: Context<'_>, hash: &Hash) -> Result<Vec<u8>, SealError> {
        self.seal(context, hash.as_bytes())
    }

    /// Opens a sealed hash.
    pub fn open_hash(&self, context: Context<'_>, sealed: &[u8]) -> Result<Hash, SealError> {
        let plain = self.open(context, sealed)?;
        Hash::parse(&plain).map_err(|error| match error {
            HashError::Malformed | HashError::Failed => SealError::Invalid,
        })
    }

    /// Returns true if the value is sealed with the active key. Otherwise it must be sealed again.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        key_id(sealed) == Some(self.0.active.as_str())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("active", &self.0.active)
            .field("keys", &self.0.keys.keys())
            .finish()
    }
}

/// The id of the key with which a value is sealed; `None` if it is not a sealed value.
pub fn key_id(sealed: &[u8]) -> Option<&str> {
    Parts::of(sealed).map(|parts| parts.id)
}

struct Parts<'a> {
    header: &'a [u8],
    id: &'a str,
    nonce: &'a [u8; NONCE_BYTES],
    ciphertext: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Option<Self> {
        let [VERSION, id_length, ..] = sealed else {
            return None;
        };
        let (header, rest) = sealed.split_at_checked(2 + usize::from(*id_length))?;
        let (nonce, ciphertext) = rest.split_first_chunk()?;
        Some(Self {
            header,
            id: std::str::from_utf8(header.get(2..)?).ok()?,
            nonce,
            ciphertext,
        })
    }
}
