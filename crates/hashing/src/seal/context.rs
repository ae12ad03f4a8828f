//! What a value is sealed for.

use std::fmt;

use aikagi_domain::credential::Epoch;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;

/// The place that a sealed value belongs to. It opens nowhere else, so that whoever can write to a store cannot
/// copy one row's hash onto another (INV-9).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Context<'a> {
    /// The hash of a number's permanent password, made under this epoch.
    Permanent {
        /// The account.
        number: &'a TelephoneNumber,
        /// The epoch of the hash.
        epoch: Epoch,
    },
    /// The hash of a number's temporary password, made under this epoch.
    Temporary {
        /// The account.
        number: &'a TelephoneNumber,
        /// The epoch of the credential.
        epoch: Epoch,
    },
    /// The state of one call, with what was keyed in it and awaits confirmation (IVR-12).
    Call {
        /// The call.
        call_id: &'a str,
    },
    /// The record of one session.
    Session {
        /// The digest of its token.
        digest: &'a TokenDigest,
    },
}

impl Context<'_> {
    /// The header and the context in a form that no other pair shares: every part is preceded by its length.
    pub(super) fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        append(&mut data, b"aikagi.seal");
        append(&mut data, header);
        match self {
            Context::Permanent { number, epoch } => {
                append(&mut data, b"permanent");
                append(&mut data, number.as_str().as_bytes());
                append(&mut data, &epoch.0.to_be_bytes());
            }
            Context::Temporary { number, epoch } => {
                append(&mut data, b"temporary");
                append(&mut data, number.as_str().as_bytes());
                append(&mut data, &epoch.0.to_be_bytes());
            }
            Context::Call { call_id } => {
                append(&mut data, b"call");
                append(&mut data, call_id.as_bytes());
            }
            Context::Session { digest } => {
                append(&mut data, b"session");
                append(&mut data, &digest.0);
            }
        }
        data
    }
}

fn append(data: &mut Vec<u8>, part: &[u8]) {
    data.extend_from_slice(&(part.len() as u64).to_be_bytes());
    data.extend_from_slice(part);
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Context::Permanent { .. } => "Permanent(..)",
            Context::Temporary { .. } => "Temporary(..)",
            Context::Call { .. } => "Call(..)",
            Context::Session { .. } => "Session(..)",
        })
    }
}
