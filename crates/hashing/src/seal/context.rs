//! What a sealed value is bound to.

use std::fmt;

use aikagi_domain::credential::Epoch;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;

/// The place of a sealed hash in a store. The hash opens in no other place, so an attacker with write access to a store
/// cannot copy one row's hash into another row (INV-9).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Context<'a> {
    /// The hash of an account's permanent password.
    Permanent {
        /// The account.
        number: &'a TelephoneNumber,
        /// The epoch in which the hash was made.
        epoch: Epoch,
    },
    /// The hash of an account's temporary password.
    Temporary {
        /// The account.
        number: &'a TelephoneNumber,
        /// The epoch of the credential.
        epoch: Epoch,
    },
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Context::Permanent { .. } => "Permanent(..)",
            Context::Temporary { .. } => "Temporary(..)",
        })
    }
}

/// What a sealed value is bound to: its place in a store.
#[derive(Clone, Copy)]
pub(super) enum Binding<'a> {
    Hash(Context<'a>),
    /// The record of one call, which can contain keys that await confirmation (IVR-12).
    Call(&'a str),
    Session(&'a TokenDigest),
    /// No store has this value. The key ring opens it where there is no hash to open (INV-10).
    Decoy,
}

impl Binding<'_> {
    /// The header and the place as bytes. No other pair has the same bytes, because a length precedes each part.
    pub(super) fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        append(&mut data, b"aikagi.seal");
        append(&mut data, header);
        match self {
            Binding::Hash(Context::Permanent { number, epoch }) => {
                append(&mut data, b"permanent");
                append(&mut data, number.as_str().as_bytes());
                append(&mut data, &epoch.0.to_be_bytes());
            }
            Binding::Hash(Context::Temporary { number, epoch }) => {
                append(&mut data, b"temporary");
                append(&mut data, number.as_str().as_bytes());
                append(&mut data, &epoch.0.to_be_bytes());
            }
            Binding::Call(call_id) => {
                append(&mut data, b"call");
                append(&mut data, call_id.as_bytes());
            }
            Binding::Session(digest) => {
                append(&mut data, b"session");
                append(&mut data, &digest.0);
            }
            Binding::Decoy => append(&mut data, b"decoy"),
        }
        data
    }
}

/// Appends a part with its length.
pub(super) fn append(data: &mut Vec<u8>, part: &[u8]) {
    data.extend_from_slice(&(part.len() as u64).to_be_bytes());
    data.extend_from_slice(part);
}
