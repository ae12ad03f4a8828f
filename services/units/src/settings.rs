//! The settings of this service.

use aikagi_domain::credential::CredentialRules;
use aikagi_mesh::config::Replicas;
use serde::Deserialize;

/// The sections of the settings file that only this service has. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The ledger, as role `aikagi_units`.
    pub postgres: aikagi_ledger::Settings,
    /// The cost of a hash, and the key ring.
    pub hashing: aikagi_hashing::Settings,
    /// The lifetimes and limits of passwords (LOGIN-2, PW-3). All services must have the same.
    #[serde(default)]
    pub credential: CredentialRules,
    /// The services that this one calls.
    pub upstreams: UpstreamSettings,
}

/// `[upstreams]`: the services that this one calls.
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
