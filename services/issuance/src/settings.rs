//! The settings of this service.

use aikagi_domain::credential::CredentialRules;
use chrono::TimeDelta;
use serde::Deserialize;

/// The sections of the settings file that only this service has. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The ledger, as role `aikagi_issuance`.
    pub postgres: aikagi_ledger::Settings,
    /// Redis, as user `issuance`.
    pub redis: aikagi_ttl::Settings,
    /// The cost of a hash, and the key ring.
    pub hashing: aikagi_hashing::Settings,
    /// The lifetimes and limits of passwords. All services must have the same values.
    #[serde(default)]
    pub credential: CredentialRules,
    /// Times that apply to calls.
    #[serde(default)]
    pub call: CallSettings,
}

/// `[call]`: times that apply to calls and their turns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallSettings {
    /// The time for which a call is stored after its latest turn (IVR-12).
    #[serde(with = "aikagi_domain::duration_text")]
    pub remembered: TimeDelta,
    /// The time for which the IVR platform waits for a key. After it, the turn is a silence (IVR-7).
    #[serde(with = "aikagi_domain::duration_text")]
    pub key_timeout: TimeDelta,
}

impl Default for CallSettings {
    fn default() -> Self {
        Self {
            remembered: TimeDelta::minutes(5),
            key_timeout: TimeDelta::seconds(10),
        }
    }
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        Ok(self.hashing.check()?)
    }
}
