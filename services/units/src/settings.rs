//! What an operator can set.

use aikagi_domain::credential::CredentialRules;
use aikagi_mesh::config::Replicas;
use serde::Deserialize;

/// The settings file of this service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The ledger, as role `aikagi_units`.
    pub postgres: aikagi_ledger::Settings,
    /// How passwords are hashed, and the key ring.
    pub hashing: aikagi_hashing::Settings,
    /// LOGIN-2, PW-3. Every service has the same.
    #[serde(default)]
    pub credential: CredentialRules,
    /// The services that this one calls.
    pub upstreams: UpstreamSettings,
}

/// `[upstreams]`: where the services are that this one calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// The replicas of authentication.
    pub authentication: Replicas,
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        Ok(self.hashing.check()?)
    }
}
