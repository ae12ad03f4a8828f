//! What an operator can set.

use aikagi_domain::credential::CredentialRules;
use aikagi_domain::session::SessionRules;
use serde::Deserialize;

/// The settings file of this service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The ledger, as role `aikagi_authentication`.
    pub postgres: aikagi_ledger::Settings,
    /// Redis, as user `authentication`.
    pub redis: aikagi_ttl::Settings,
    /// How passwords are hashed, and the key ring.
    pub hashing: aikagi_hashing::Settings,
    /// LOGIN-2, IVR-9, PW-3.
    #[serde(default)]
    pub credential: CredentialRules,
    /// SESS-1.
    #[serde(default)]
    pub session: SessionRules,
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        Ok(self.hashing.check()?)
    }
}
