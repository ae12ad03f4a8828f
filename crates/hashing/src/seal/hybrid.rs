//! Version 2: HPKE (RFC 9180) in the mode with a pre-shared key. Whoever has the public key and the pre-shared key
//! seals. Only the holder of the private key opens.
//!
//! The stores contain none of these three keys. So whoever can only write to a store cannot open a value, and cannot
//! make one that opens.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, PskBundle, Serializable as _,
    single_shot_open, single_shot_seal_with_rng,
};
use rand::SeedableRng as _;
use rand::rngs::{StdRng, SysRng};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::context::Binding;
use super::stored::{SealedValue, Version, header};
use super::{KEY_BYTES, SealError};

type Aead = ChaCha20Poly1305;
type Kdf = HkdfSha256;
type Kem = X25519HkdfSha256;
type PublicKey = <Kem as hpke::Kem>::PublicKey;
type PrivateKey = <Kem as hpke::Kem>::PrivateKey;
type EncapsulatedKey = <Kem as hpke::Kem>::EncappedKey;

/// What the keys are for. A value that was sealed with this text does not open with another text, even if the keys are
/// the same.
const INFO: &[u8] = b"aikagi.seal hash";

/// A pre-shared key, wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct PreSharedKey([u8; KEY_BYTES]);

impl PreSharedKey {
    pub(super) const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) const fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    fn bundle<'a>(&'a self, id: &'a str) -> Result<PskBundle<'a>, SealError> {
        // Fails for an empty id. Every file of keys refuses such an id.
        PskBundle::new(&self.0, id.as_bytes()).map_err(|_| SealError::UnknownKey)
    }
}

/// What seals and cannot open.
pub(super) struct HybridSealer {
    public: PublicKey,
    shared: PreSharedKey,
}

impl HybridSealer {
    /// Fails if the bytes are not a public key with which values can be sealed.
    pub(super) fn new(
        public: &[u8; KEY_BYTES],
        shared: PreSharedKey,
        id: &str,
    ) -> Result<Self, SealError> {
        let public = PublicKey::from_bytes(public).map_err(|_| SealError::Invalid)?;
        let sealer = Self { public, shared };
        // A few values are public keys only in form. The library finds them when it seals.
        sealer.seal(id, Binding::Decoy, b"")?;
        Ok(sealer)
    }

    pub(super) fn public(&self) -> [u8; KEY_BYTES] {
        self.public.to_bytes().into()
    }

    pub(super) const fn shared(&self) -> &PreSharedKey {
        &self.shared
    }

    pub(super) fn seal(
        &self,
        id: &str,
        binding: Binding<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut rng = StdRng::try_from_rng(&mut SysRng).map_err(|_| SealError::NoRandomness)?;
        let mut sealed = header(Version::Hybrid, id)?;
        let (encapsulated, ciphertext) = single_shot_seal_with_rng::<Aead, Kdf, Kem>(
            &OpModeS::Psk(self.shared.bundle(id)?),
            &self.public,
            INFO,
            plain,
            &binding.associated_data(&sealed),
            &mut rng,
        )
        .map_err(|_| SealError::Invalid)?;
        sealed.extend_from_slice(&encapsulated.to_bytes());
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }
}

/// What opens. The private key is wiped on drop.
pub(super) struct HybridOpener {
    private: PrivateKey,
    public: PublicKey,
    shared: PreSharedKey,
}

impl HybridOpener {
    /// The private key is derived from the secret as RFC 9180 says (`DeriveKeyPair`).
    pub(super) fn derive(secret: &[u8; KEY_BYTES], shared: PreSharedKey) -> Self {
        let (private, public) = Kem::derive_keypair(secret);
        Self {
            private,
            public,
            shared,
        }
    }

    /// What seals for this opener.
    pub(super) fn sealer(&self) -> HybridSealer {
        HybridSealer {
            public: self.public.clone(),
            shared: self.shared.clone(),
        }
    }

    pub(super) fn open(
        &self,
        binding: Binding<'_>,
        stored: &SealedValue<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let encapsulated =
            EncapsulatedKey::from_bytes(stored.lead).map_err(|_| SealError::Invalid)?;
        single_shot_open::<Aead, Kdf, Kem>(
            &OpModeR::Psk(self.shared.bundle(stored.id)?),
            &self.private,
            &encapsulated,
            INFO,
            stored.ciphertext,
            &binding.associated_data(stored.header),
        )
        .map(Zeroizing::new)
        .map_err(|_| SealError::Invalid)
    }

    /// The bytes of the private key. Tests search for them in files of keys.
    #[cfg(test)]
    pub(super) fn private(&self) -> [u8; KEY_BYTES] {
        self.private.to_bytes().into()
    }
}
