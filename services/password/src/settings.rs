//! The settings of this service.

use aikagi_domain::credential::CredentialRules;
use aikagi_domain::password::PasswordPolicy;
use aikagi_mesh::config::Replicas;
use serde::Deserialize;

/// The sections of the settings file that only this service has. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The ledger, as role `aikagi_password`.
    pub postgres: aikagi_ledger::Settings,
    /// The cost of a hash, and the sealing ring.
    pub hashing: aikagi_hashing::Settings,
    /// The lifetimes and limits of passwords (PW-3). All services must have the same values.
    #[serde(default)]
    pub credential: CredentialRules,
    /// The rules for a new password (PW-1, PW-6).
    #[serde(default)]
    pub policy: PasswordPolicy,
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
        self.hashing.check()?;
        self.hashing.sealing_ring()?;
        anyhow::ensure!(
            self.policy.min_length <= self.policy.max_length,
            "setting `policy.min_length`: must not be greater than `policy.max_length`"
        );
        Ok(())
    }
}
