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
    /// The cost of a hash, and the sealing ring.
    pub hashing: aikagi_hashing::Settings,
    /// The lifetimes and limits of passwords (LOGIN-2, PW-3). All services must have the same values.
    #[serde(default)]
    pub credential: CredentialRules,
    /// The services that this one calls.
    pub upstreams: UpstreamSettings,
    /// The bounds of one unit migration.
    #[serde(default)]
    pub unit_migration: UnitMigrationSettings,
}

/// `[unit_migration]`: the bounds of one unit migration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnitMigrationSettings {
    /// The most accounts that a line may have before or after the change (MIG-8). The default is 2000.
    pub max_accounts: usize,
    /// The passwords that are verified or hashed in parallel. Logins share the hashing pool with them in the order of
    /// arrival, so this is also the number of hashes that a login may have to wait for. The default is 4.
    pub parallel: usize,
}

impl Default for UnitMigrationSettings {
    fn default() -> Self {
        Self {
            max_accounts: 2_000,
            parallel: 4,
        }
    }
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
        anyhow::ensure!(
            self.unit_migration.parallel > 0,
            "unit_migration.parallel: must be at least 1"
        );
        self.hashing.check()?;
        self.hashing.sealing_ring()?;
        Ok(())
    }
}
