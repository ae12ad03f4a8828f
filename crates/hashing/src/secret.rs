//! What is hashed, and what comes of it.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use zeroize::Zeroizing;

use crate::error::HashError;

/// A password on its way to a hash. Blind in Debug, wiped on drop (INV-8).
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

/// An Argon2id hash in PHC string form, with its own parameters and salt. Blind in Debug, wiped on drop; it is
/// stored only sealed (INV-9).
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(Zeroizing<String>);

impl Hash {
    /// Takes a PHC string back from where it was stored.
    ///
    /// Fails with [`HashError::Malformed`] when it is not one.
    pub fn parse(text: &[u8]) -> Result<Self, HashError> {
        let text = std::str::from_utf8(text).map_err(|_| HashError::Malformed)?;
        PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The PHC string, to be sealed.
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
