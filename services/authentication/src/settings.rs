//! The settings of this service.

use aikagi_domain::credential::CredentialRules;
use aikagi_domain::session::SessionRules;
use serde::Deserialize;

/// The sections of the settings file that only this service has. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The ledger, as role `aikagi_authentication`.
    pub postgres: aikagi_ledger::Settings,
    /// Redis, as user `authentication`.
    pub redis: aikagi_ttl::Settings,
    /// The cost of a hash, and the key ring.
    pub hashing: aikagi_hashing::Settings,
    /// The lifetimes and limits of passwords (LOGIN-2, IVR-9, PW-3). All services must have the same values.
    #[serde(default)]
    pub credential: CredentialRules,
    /// The lifetimes of sessions (SESS-1).
    #[serde(default)]
    pub session: SessionRules,
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        self.hashing.check()?;
        self.hashing.key_ring()?;
        Ok(())
    }
}
