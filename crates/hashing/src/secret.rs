//! The secret that is hashed, and the hash.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use zeroize::Zeroizing;

use crate::error::HashError;

/// A password to be hashed. Debug does not show it, and drop wipes it (INV-8).
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for SecretBytes {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_vec()))
    }
}

impl From<String> for SecretBytes {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text.into_bytes()))
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

/// An Argon2id hash as a PHC string, which contains its parameters and salt. Debug does not show it, and drop wipes it
/// (INV-8). It is stored only in sealed form (INV-9).
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(Zeroizing<String>);

impl Hash {
    /// Reads a stored hash.
    ///
    /// Fails with [`HashError::Malformed`] if the text is not a PHC string.
    pub fn parse(text: &[u8]) -> Result<Self, HashError> {
        let text = std::str::from_utf8(text).map_err(|_| HashError::Malformed)?;
        PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The PHC string, for sealing.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn of(parts: &PasswordHash) -> Self {
        Self(Zeroizing::new(parts.to_string()))
    }

    pub(crate) fn parts(&self) -> Result<PasswordHash, HashError> {
        PasswordHash::new(&self.0).map_err(|_| HashError::Malformed)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(..)")
    }
}
