//! What an operator can set.

use aikagi_domain::credential::CredentialRules;
use chrono::TimeDelta;
use serde::Deserialize;

/// The settings file of this service. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the ledger is.
    pub postgres: aikagi_ledger::Settings,
    /// Where Redis is.
    pub redis: aikagi_ttl::Settings,
    /// What a hash costs, and the key ring.
    pub hashing: aikagi_hashing::Settings,
    /// How long passwords live. Every service has the same.
    #[serde(default)]
    pub credential: CredentialRules,
    /// The dialog.
    #[serde(default)]
    pub call: CallSettings,
}

/// `[call]`: the dialog by telephone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallSettings {
    /// How long a call is remembered after its latest turn (IVR-12).
    #[serde(with = "aikagi_domain::duration_text")]
    pub remembered: TimeDelta,
    /// How long the platform waits for a key before the turn is a silence (IVR-7).
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
