//! Password hashing and sealing.
//!
//! [`Pool`] runs Argon2id on a bounded number of threads with a bounded queue. It refuses excess load before an attempt
//! is charged (INV-6, INV-10). [`seal::SealingRing`] encrypts hashes before they are stored, and only [`seal::KeyRing`]
//! opens them. So a stolen table is useless, and those who seal cannot open (INV-9).

mod arena;
mod cost;
mod engine;
mod error;
mod memory;
mod metrics;
mod permit;
mod pool;
pub mod seal;
mod secret;
mod settings;
mod slot;
mod workers;

pub use cost::Cost;
pub use error::HashError;
pub use memory::MemoryError;
pub use permit::Permit;
pub use pool::{Counts, Pool};
pub use seal::{CallKeys, KeyFileError, KeyRing, SealError, SealingRing};
pub use secret::{Hash, SecretBytes};
pub use settings::{EngineChoice, Settings, SettingsError};
pub use slot::Busy;
