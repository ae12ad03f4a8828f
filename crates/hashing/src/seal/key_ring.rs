//! The key ring.

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aikagi_domain::session::TokenDigest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::SealError;
use super::context::{Binding, Context};
use super::derive;
use super::file::{Encoded, KeyFileError, Sealing, Text, load};
use super::hybrid::HybridOpener;
use super::sealing_ring::SealingRing;
use super::stored::{SealedValue, Version};
use super::symmetric::SymmetricKey;
use crate::{Hash, HashError};

/// The length of the decoy, in bytes. It is that of a usual hash.
const DECOY_BYTES: usize = 97;

/// The keys that seal and open hashes and records of sessions: the active key seals, and each key opens. The
/// [`SealingRing`] and the [call keys](super::CallKeys) are derived from them. Clones share the keys. Debug output does
/// not contain them, and the last drop wipes them (INV-8).
#[derive(Clone)]
pub struct KeyRing(Arc<RingContent>);

struct RingContent {
    keys: BTreeMap<String, RingKey>,
    sealing: SealingRing,
    /// A sealed value without a meaning.
    decoy: Vec<u8>,
    opened: AtomicU64,
}

/// A key of the ring, and what opens the hashes that are sealed under its id.
struct RingKey {
    key: SymmetricKey,
    opener: HybridOpener,
}

impl KeyRing {
    /// Reads a key ring. `active = "<id>"` names the key that seals. The table `[keys]` maps each id to the 32 bytes of
    /// its key, in base64.
    ///
    /// Fails if anyone but the owner has access to the file.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        load(path, Self::parse)
    }

    /// Parses the text of a file. The error names the problem and contains no text of the file.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = Text::parse(text)?;
        let encoded = match (text.keys, text.sealing, text.calls) {
            (Some(keys), None, None) => keys,
            (None, Some(_), _) => {
                return Err(
                    "this is a sealing ring, which cannot open hashes: the key ring is needed",
                );
            }
            (None, None, Some(_)) => {
                return Err(
                    "these are call keys, which cannot open hashes: the key ring is needed",
                );
            }
            (None, None, None) => return Err("the table `[keys]` is missing"),
            (Some(_), _, _) => return Err("a key ring has only the table `[keys]`"),
        };
        let mut keys = BTreeMap::new();
        for (id, encoded) in encoded {
            let key = SymmetricKey::new(*encoded.decode()?);
            let opener = derive::opener(&key, &id)?;
            keys.insert(id, RingKey { key, opener });
        }
        let sealer = keys
            .get(&text.active)
            .ok_or("`active` names no key of the ring")?
            .opener
            .sealer();
        let sealing = SealingRing::new(text.active, sealer);
        let decoy = sealing
            .seal_at(Binding::Decoy, &[0; DECOY_BYTES])
            .map_err(|_| "the operating system provides no random bytes")?;
        Ok(Self(Arc::new(RingContent {
            keys,
            sealing,
            decoy,
            opened: AtomicU64::new(0),
        })))
    }

    /// The text of a file with a new key ring, which has one new key with this id.
    pub fn generate_file_text(
        key_id: &str,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Zeroizing<String> {
        let mut key = [0; super::KEY_BYTES];
        rng.fill_bytes(&mut key);
        let encoded = Zeroizing::new(STANDARD.encode(key));
        key.zeroize();
        let id = toml::Value::from(key_id);
        Zeroizing::new(format!(
            "active = {id}\n\n[keys]\n{id} = \"{}\"\n",
            encoded.as_str()
        ))
    }

    /// The part of this ring that only seals hashes.
    pub fn sealing_ring(&self) -> &SealingRing {
        &self.0.sealing
    }

    /// The text of the file of [`Self::sealing_ring`]. It contains no key that opens a hash (INV-9).
    pub fn sealing_ring_text(&self) -> Result<Zeroizing<String>, &'static str> {
        let sealer = self.0.sealing.sealer();
        Text {
            active: self.0.sealing.id().to_owned(),
            keys: None,
            sealing: Some(Sealing {
                public_key: Encoded::of(&sealer.public()),
                pre_shared_key: Encoded::of(sealer.shared().expose()),
            }),
            calls: None,
        }
        .write()
    }

    /// The text of the file of the call keys, one for each key of this ring. It contains no key that opens a hash
    /// (INV-9).
    pub fn call_keys_text(&self) -> Result<Zeroizing<String>, &'static str> {
        let mut calls = BTreeMap::new();
        for (id, ring_key) in &self.0.keys {
            let key = derive::call_key(&ring_key.key, id)?;
            calls.insert(id.clone(), Encoded::of(key.expose()));
        }
        Text {
            active: self.0.sealing.id().to_owned(),
            keys: None,
            sealing: None,
            calls: Some(calls),
        }
        .write()
    }

    /// Seals a hash for this context, so that only a key ring opens it.
    pub fn seal_hash(&self, context: Context<'_>, hash: &Hash) -> Result<Vec<u8>, SealError> {
        self.0.sealing.seal_hash(context, hash)
    }

    /// Opens a hash that was sealed for this context under any key of the ring.
    pub fn open_hash(&self, context: Context<'_>, sealed: &[u8]) -> Result<Hash, SealError> {
        let plain = self.open(context, sealed)?;
        Hash::parse(&plain).map_err(|error| match error {
            HashError::Malformed | HashError::Failed => SealError::Invalid,
        })
    }

    /// Opens bytes as [`Self::open_hash`] opens a hash.
    pub fn open(
        &self,
        context: Context<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let binding = Binding::Hash(context);
        let stored = SealedValue::read(sealed).ok_or(SealError::Invalid)?;
        let ring_key = self.0.keys.get(stored.id).ok_or(SealError::UnknownKey)?;
        match stored.version {
            Version::Hybrid => self.open_hybrid(ring_key, binding, &stored),
            Version::Symmetric => {
                // INV-10: the time does not tell which form the hash has.
                self.open_decoy();
                ring_key.key.open(binding, &stored)
            }
        }
    }

    /// Does the work of [`Self::open_hash`], for an account without a hash (INV-10).
    pub fn open_decoy(&self) {
        let stored = SealedValue::read(&self.0.decoy);
        let with_key = stored.and_then(|stored| Some((self.0.keys.get(stored.id)?, stored)));
        if let Some((ring_key, stored)) = with_key {
            drop(black_box(self.open_hybrid(
                ring_key,
                Binding::Decoy,
                &stored,
            )));
        }
    }

    fn open_hybrid(
        &self,
        ring_key: &RingKey,
        binding: Binding<'_>,
        stored: &SealedValue<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        ring_key.opener.open(binding, stored)
    }

    /// The number of hashes and decoys that were opened. Tests compare it (INV-10).
    pub fn opened(&self) -> u64 {
        self.0.opened.load(Ordering::Relaxed)
    }

    /// Seals the record of a session with the active key. Only a key ring opens it.
    ///
    /// A session is checked at each request, so its record has the form that is cheap to open.
    pub fn seal_session(&self, digest: &TokenDigest, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let id = self.0.sealing.id();
        let ring_key = self.0.keys.get(id).ok_or(SealError::UnknownKey)?;
        ring_key.key.seal(id, Binding::Session(digest), plain)
    }

    /// Opens the record of a session that any key of the ring has sealed.
    pub fn open_session(
        &self,
        digest: &TokenDigest,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let stored = SealedValue::read(sealed)
            .filter(|stored| stored.version == Version::Symmetric)
            .ok_or(SealError::Invalid)?;
        let ring_key = self.0.keys.get(stored.id).ok_or(SealError::UnknownKey)?;
        ring_key.key.open(Binding::Session(digest), &stored)
    }

    /// Returns true if a sealed hash has the present form and the active key. Otherwise it must be sealed again.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        SealedValue::read(sealed).is_some_and(|stored| {
            stored.version == Version::Hybrid && stored.id == self.0.sealing.id()
        })
    }

    /// The secrets of one key that nobody but the holder of a key ring may have. Tests search for them.
    #[cfg(test)]
    pub(super) fn secrets(&self, id: &str) -> [[u8; super::KEY_BYTES]; 2] {
        let ring_key = &self.0.keys[id];
        [*ring_key.key.expose(), ring_key.opener.private()]
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("active", &self.0.sealing.id())
            .field("keys", &self.0.keys.keys())
            .finish()
    }
}
