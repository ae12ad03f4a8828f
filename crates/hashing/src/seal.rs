//! Sealing: authenticated encryption of stored values, with keys that the stores do not have (INV-9).
//!
//! | type | who has it | what it can do |
//! | --- | --- | --- |
//! | [`KeyRing`] | authentication, the job `reseal` | seals and opens hashes; seals and opens records of sessions |
//! | [`SealingRing`] | units, password, issuance | seals hashes |
//! | [`CallKeys`] | issuance | seals and opens records of calls |
//!
//! The keys of the other two types are derived from those of the key ring, and a key ring cannot be computed from them.
//!
//! A sealed value begins with `version (1) | key id length (1) | key id`. The numbers in parentheses are lengths in
//! bytes. The rest depends on the version:
//!
//! - Version 1: `nonce (24) | ciphertext and tag`. The cipher is XChaCha20-Poly1305, whose nonces are long enough to be
//!   random. Records of calls and sessions have this form. Hashes that earlier versions sealed have it, too.
//! - Version 2: `encapsulated key (32) | ciphertext and tag`, by HPKE (RFC 9180) with a pre-shared key. Hashes have this
//!   form.
//!
//! The header and the context are authenticated too, so a value opens only for the row for which it was sealed.

mod call_keys;
mod context;
mod derive;
mod file;
mod hybrid;
mod key_ring;
mod sealing_ring;
mod stored;
mod symmetric;
#[cfg(test)]
mod tests;

use aikagi_domain::fault::{Cause, ErrorType, Fault, FaultKind};

pub use call_keys::CallKeys;
pub use context::Context;
pub use file::KeyFileError;
pub use key_ring::KeyRing;
pub use sealing_ring::SealingRing;
pub use stored::key_id;

/// The length of every key, in bytes.
const KEY_BYTES: usize = 32;

/// Why a value could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The keys do not include the key that sealed the value.
    #[error("sealed with a key that the key ring does not contain")]
    UnknownKey,
    /// The value is not sealed, was changed, or was sealed for another context.
    #[error("not a sealed value of this context")]
    Invalid,
    /// The operating system provides no random bytes.
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
