//! The sealing ring.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::SealError;
use super::context::{Binding, Context};
use super::file::{KeyFileError, Text, load};
use super::hybrid::{HybridSealer, PreSharedKey};
use crate::Hash;

/// What seals hashes and cannot open them: the public key and the pre-shared key of the key ring's active key (INV-9).
/// Clones share the keys. Debug output does not contain them, and the last drop wipes the pre-shared key (INV-8).
///
/// A service with this type cannot open a hash:
///
/// ```
/// # use aikagi_hashing::{Hash, seal::{Context, SealError, SealingRing}};
/// fn seal(ring: &SealingRing, at: Context<'_>, hash: &Hash) -> Result<Vec<u8>, SealError> {
///     ring.seal_hash(at, hash)
/// }
/// ```
///
/// ```compile_fail,E0599
/// # use aikagi_hashing::{Hash, seal::{Context, SealError, SealingRing}};
/// fn open(ring: &SealingRing, at: Context<'_>, sealed: &[u8]) -> Result<Hash, SealError> {
///     ring.open_hash(at, sealed)
/// }
/// ```
#[derive(Clone)]
pub struct SealingRing(Arc<ActiveSealer>);

struct ActiveSealer {
    id: String,
    sealer: HybridSealer,
}

impl SealingRing {
    pub(super) fn new(id: String, sealer: HybridSealer) -> Self {
        Self(Arc::new(ActiveSealer { id, sealer }))
    }

    /// Reads a sealing ring: `active`, and the table `[sealing]` with `public_key` and `pre_shared_key`.
    ///
    /// Fails if anyone but the owner has access to the file, or if the file has keys that open hashes.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        load(path, Self::parse)
    }

    /// Parses the text of a file. The error names the problem and contains no text of the file.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = Text::parse(text)?;
        let sealing = match (text.keys, text.sealing, text.calls) {
            (None, Some(sealing), None) => sealing,
            (Some(_), _, _) => {
                return Err(
                    "this is a key ring, which can open hashes: give this service the sealing ring",
                );
            }
            (None, _, Some(_)) => {
                return Err("these are call keys: give this service the sealing ring");
            }
            (None, None, None) => return Err("the table `[sealing]` is missing"),
        };
        let shared = PreSharedKey::new(*sealing.pre_shared_key.decode()?);
        let public = sealing.public_key.decode()?;
        let sealer =
            HybridSealer::new(&public, shared, &text.active).map_err(|error| match error {
                SealError::NoRandomness => "the operating system provides no random bytes",
                SealError::UnknownKey | SealError::Invalid => "`public_key` is not a public key",
            })?;
        Ok(Self::new(text.active, sealer))
    }

    /// Seals a hash for this context.
    pub fn seal_hash(&self, context: Context<'_>, hash: &Hash) -> Result<Vec<u8>, SealError> {
        self.seal(context, hash.as_bytes())
    }

    /// Seals bytes as [`Self::seal_hash`] seals a hash.
    pub fn seal(&self, context: Context<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_at(Binding::Hash(context), plain)
    }

    pub(super) fn seal_at(&self, binding: Binding<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.sealer.seal(&self.0.id, binding, plain)
    }

    pub(super) fn id(&self) -> &str {
        &self.0.id
    }

    pub(super) fn sealer(&self) -> &HybridSealer {
        &self.0.sealer
    }
}

impl fmt::Debug for SealingRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingRing")
            .field("active", &self.0.id)
            .finish_non_exhaustive()
    }
}
