//! Derives the keys of each purpose from a key of the key ring, by HKDF-SHA256. From a derived key nobody can compute the
//! key of the ring or a key of another purpose.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::KEY_BYTES;
use super::context::append;
use super::hybrid::{HybridOpener, PreSharedKey};
use super::symmetric::SymmetricKey;

/// What opens hashes.
pub(super) fn opener(key: &SymmetricKey, id: &str) -> Result<HybridOpener, &'static str> {
    let shared = PreSharedKey::new(*derive(key, b"hash pre-shared key", id)?);
    let secret = derive(key, b"hash key pair", id)?;
    Ok(HybridOpener::derive(&secret, shared))
}

/// The key of calls.
pub(super) fn call_key(key: &SymmetricKey, id: &str) -> Result<SymmetricKey, &'static str> {
    Ok(SymmetricKey::new(*derive(key, b"call records", id)?))
}

fn derive(
    key: &SymmetricKey,
    purpose: &[u8],
    id: &str,
) -> Result<Zeroizing<[u8; KEY_BYTES]>, &'static str> {
    let mut info = Vec::new();
    append(&mut info, purpose);
    append(&mut info, id.as_bytes());
    let mut derived = Zeroizing::new([0; KEY_BYTES]);
    Hkdf::<Sha256>::new(Some(b"aikagi.key-ring"), key.expose())
        .expand(&info, derived.as_mut_slice())
        .map_err(|_| "a key cannot be derived")?;
    Ok(derived)
}
