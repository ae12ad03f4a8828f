//! The common part of all secret types: bytes that are never printed, are compared in constant time and are wiped on
//! drop.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret bytes (INV-8). The time of a comparison reveals only their length.
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
