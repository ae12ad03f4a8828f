//! Session tokens: random bits. The store knows only their digest (SESS-3).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::CryptoRng;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const BYTES: usize = 32;
/// The bytes of a [`SessionId`].
const ID_BYTES: usize = 16;
/// Separates the hash of a [`SessionId`] from every other hash of a digest.
const ID_LABEL: &[u8] = b"aikagi.session-id";

/// SESS-3: 256 random bits that identify a session. They are never printed, and are wiped on drop.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<[u8; BYTES]>);

/// The text is not a session token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session token")]
pub struct SessionTokenError;

/// SESS-3: the SHA-256 of a token. Only this is stored, and it cannot be used in place of the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; BYTES]);

/// SESS-7: names a session among the sessions of its account. It is not a secret: nobody can log in or find an entry of a
/// store with it.
///
/// It is a part of a hash of the token's digest. A digest has 256 random bits, so nobody can compute it, or the token,
/// from the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; ID_BYTES]);

/// The text is not a session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session id")]
pub struct SessionIdError;

impl SessionId {
    /// The text form: 22 characters of base64url.
    pub fn as_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Parses the text form. Fails for any other text.
    pub fn parse(text: &str) -> Result<Self, SessionIdError> {
        let mut bytes = [0; ID_BYTES];
        // The decoder requires space for the largest possible result, which can be longer than an id.
        let mut buffer = [0; ID_BYTES + 2];
        let length = URL_SAFE_NO_PAD
            .decode_slice(text, &mut buffer)
            .map_err(|_| SessionIdError)?;
        let decoded = buffer
            .get(..length)
            .filter(|decoded| decoded.len() == ID_BYTES)
            .ok_or(SessionIdError)?;
        bytes.copy_from_slice(decoded);
        Ok(Self(bytes))
    }
}

impl TokenDigest {
    /// The id that the account's subscriber sees (SESS-7).
    pub fn session_id(&self) -> SessionId {
        let hash = Sha256::new().chain_update(ID_LABEL).chain_update(self.0);
        let mut id = [0; ID_BYTES];
        for (byte, hashed) in id.iter_mut().zip(hash.finalize()) {
            *byte = hashed;
        }
        SessionId(id)
    }
}

impl SessionToken {
    /// Draws a new token.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Parses the text form: 43 characters of base64url. Fails for any other text.
    pub fn parse(text: &str) -> Result<Self, SessionTokenError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        // The decoder requires space for the largest possible result, which is one byte more than a token.
        let mut buffer = Zeroizing::new([0; BYTES + 1]);
        let length = URL_SAFE_NO_PAD
            .decode_slice(text, buffer.as_mut_slice())
            .map_err(|_| SessionTokenError)?;
        let decoded = buffer
            .get(..length)
            .filter(|decoded| decoded.len() == BYTES)
            .ok_or(SessionTokenError)?;
        bytes.copy_from_slice(decoded);
        Ok(Self(bytes))
    }

    /// The text form, which only the owner of the session gets.
    pub fn as_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// The digest under which the session is stored.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_slice()).into())
    }
}

impl PartialEq for SessionToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for SessionToken {}

// INV-8: secrets are never printed.
impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}
