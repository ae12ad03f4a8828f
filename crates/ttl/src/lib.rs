//! Access to Redis, which stores the values that expire: temporary passwords, calls, sessions and rate limits.
//!
//! INV-3: Redis can lose these values at any moment. It can lose all of them, or the newest ones in a failover to a
//! stale replica. The ledger decides on passwords, counts and the end of sessions. A temporary password or a session
//! from Redis is always compared with the ledger.
//!
//! Each command and each script uses one key. So the same code runs on a stand-alone server, behind Sentinel and on a
//! Cluster. The caller passes the current time.

pub mod calls;
mod connection;
mod error;
pub mod rate_limits;
pub mod sessions;
mod settings;
mod store;
pub mod temporary_passwords;
#[cfg(test)]
mod tests;
mod time;

pub use error::TtlError;
pub use settings::{Settings, SettingsError};
pub use store::TtlStore;
