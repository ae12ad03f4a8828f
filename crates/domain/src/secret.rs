//! What the types of secrets share: bytes that do not print, compare in constant time and are wiped.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes that nobody sees (INV-8). Only the length can be learnt from comparing them.
#[derive(Clone)]
pub(crate) struct SecretBytes(Zeroizing<Box<[u8]>>);

impl SecretBytes {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}
