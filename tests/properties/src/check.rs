//! The checks. A check and its fuzz target have the same name.

mod address;
mod agi;
mod call;
mod chain;
mod chain_hash;
mod csv_row;
mod deadline;
mod dialog;
mod identity;
mod key_ring;
mod origin;
mod password;
mod refusal;
mod seal;
mod session;
mod telephone;
mod token;

pub use address::address;
pub use agi::agi;
pub use call::call;
pub use chain::chain;
pub use chain_hash::chain_hash;
pub use csv_row::csv_row;
pub use deadline::deadline;
pub use dialog::dialog;
pub use identity::identity;
pub use key_ring::key_ring;
pub use origin::origin;
pub use password::password;
pub use refusal::refusal;
pub use seal::seal;
pub use session::session;
pub use telephone::telephone;
pub use token::token;

/// A check of some bytes. It panics if a property is false.
pub type Check = fn(&[u8]);

/// All checks, with the names of their fuzz targets.
pub const ALL: [(&str, Check); 17] = [
    ("address", address),
    ("agi", agi),
    ("call", call),
    ("chain", chain),
    ("chain_hash", chain_hash),
    ("csv_row", csv_row),
    ("deadline", deadline),
    ("dialog", dialog),
    ("identity", identity),
    ("key_ring", key_ring),
    ("origin", origin),
    ("password", password),
    ("refusal", refusal),
    ("seal", seal),
    ("session", session),
    ("telephone", telephone),
    ("token", token),
];
