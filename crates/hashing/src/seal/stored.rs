//! The stored form of a sealed value.

use super::SealError;

/// The forms of a sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Encrypted with a symmetric key. A nonce precedes the ciphertext.
    Symmetric = 1,
    /// Encrypted for the holder of a private key. An encapsulated key precedes the ciphertext.
    Hybrid = 2,
}

impl Version {
    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Symmetric),
            2 => Some(Self::Hybrid),
            _ => None,
        }
    }

    /// The length of the part before the ciphertext, in bytes.
    const fn lead_bytes(self) -> usize {
        match self {
            Self::Symmetric => 24,
            Self::Hybrid => 32,
        }
    }
}

/// The parts of a sealed value.
pub(super) struct SealedValue<'a> {
    pub(super) version: Version,
    pub(super) header: &'a [u8],
    /// The id of the key.
    pub(super) id: &'a str,
    /// The nonce or the encapsulated key.
    pub(super) lead: &'a [u8],
    pub(super) ciphertext: &'a [u8],
}

impl<'a> SealedValue<'a> {
    /// Returns `None` if the bytes do not have the form of a sealed value.
    pub(super) fn read(sealed: &'a [u8]) -> Option<Self> {
        let [version, id_length, ..] = sealed else {
            return None;
        };
        let version = Version::of(*version)?;
        let (header, rest) = sealed.split_at_checked(2 + usize::from(*id_length))?;
        let (lead, ciphertext) = rest.split_at_checked(version.lead_bytes())?;
        Some(Self {
            version,
            header,
            id: std::str::from_utf8(header.get(2..)?).ok()?,
            lead,
            ciphertext,
        })
    }
}

/// The first bytes of a sealed value.
pub(super) fn header(version: Version, id: &str) -> Result<Vec<u8>, SealError> {
    let id_length = u8::try_from(id.len()).map_err(|_| SealError::UnknownKey)?;
    let mut header = vec![version as u8, id_length];
    header.extend_from_slice(id.as_bytes());
    Ok(header)
}

/// The id of the key with which a value is sealed; `None` if it is not a sealed value.
pub fn key_id(sealed: &[u8]) -> Option<&str> {
    SealedValue::read(sealed).map(|stored| stored.id)
}
