//! Version 1: XChaCha20-Poly1305. Whoever has the key seals and opens.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::context::Binding;
use super::stored::{SealedValue, Version, header};
use super::{KEY_BYTES, SealError};

/// A symmetric key, wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct SymmetricKey([u8; KEY_BYTES]);

impl SymmetricKey {
    pub(super) const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) const fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    pub(super) fn seal(
        &self,
        id: &str,
        binding: Binding<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; 24];
        SysRng
            .try_fill_bytes(&mut nonce)
            .map_err(|_| SealError::NoRandomness)?;
        let mut sealed = header(Version::Symmetric, id)?;
        let payload = Payload {
            msg: plain,
            aad: &binding.associated_data(&sealed),
        };
        let ciphertext = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Invalid)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    pub(super) fn open(
        &self,
        binding: Binding<'_>,
        stored: &SealedValue<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let nonce: [u8; 24] = stored.lead.try_into().map_err(|_| SealError::Invalid)?;
        let payload = Payload {
            msg: stored.ciphertext,
            aad: &binding.associated_data(stored.header),
        };
        self.cipher()
            .decrypt(&XNonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Invalid)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}
