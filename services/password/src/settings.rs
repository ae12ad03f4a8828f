//! What an operator can set.

use aikagi_domain::credential::CredentialRules;
use aikagi_domain::password::PasswordPolicy;
use aikagi_mesh::config::Replicas;
use serde::Deserialize;

/// The settings file of this service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The ledger, as role `aikagi_password`.
    pub postgres: aikagi_ledger::Settings,
    /// How passwords are hashed, and the key ring.
    pub hashing: aikagi_hashing::Settings,
    /// PW-3. Every service has the same.
    #[serde(default)]
    pub credential: CredentialRules,
    /// PW-1, PW-6.
    #[serde(default)]
    pub policy: PasswordPolicy,
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
        self.hashing.check()?;
        anyhow::ensure!(
            self.policy.min_length <= self.policy.max_length,
            "setting `policy.min_length`: greater than `policy.max_length`"
        );
        Ok(())
    }
}
