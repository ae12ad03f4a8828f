//! What an operator can set.

use aikagi_domain::credential::CredentialRules;
use aikagi_mesh::config::{IdentitySettings, ServerSettings, TelemetrySettings};
use aikagi_mesh::run::CommonSettings;
use anyhow::Context;
use chrono::TimeDelta;
use serde::Deserialize;

/// The settings file of this service. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the service listens.
    pub server: ServerSettings,
    /// Who it is.
    pub identity: IdentitySettings,
    /// How it tells what it does.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
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
    fn common(&self) -> CommonSettings {
        CommonSettings {
            server: self.server.clone(),
            identity: self.identity.clone(),
            telemetry: self.telemetry.clone(),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        aikagi_mesh::tls::TlsIdentity::load(&self.identity)?;
        aikagi_hashing::seal::KeyRing::load(&self.hashing.key_ring)
            .context("setting `hashing.key_ring`")?;
        aikagi_hashing::check_memory(&self.hashing, None)?;
        aikagi_hashing::Pool::new(&self.hashing)?;
        Ok(())
    }
}
