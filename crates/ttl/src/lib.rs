//! Redis: what has a time to live. Temporary passwords, call dialogs, sessions and limits per address.
//!
//! INV-3: all of it may vanish at any moment, wholly or by a failover to a stale replica. Whatever decides about
//! a password, a count or a session's end is in the ledger; what is read here is held against it.
//!
//! Every key is touched by one command or one script, so that the same code runs on a stand-alone server, under
//! Sentinel and in a Cluster. The clock is always the caller's.

pub mod call;
mod error;
mod link;
pub mod rate;
pub mod sess;
mod settings;
mod store;
pub mod temp;
#[cfg(test)]
mod tests;
mod time;

pub use error::TtlError;
pub use settings::{Settings, SettingsError};
pub use store::Store;
