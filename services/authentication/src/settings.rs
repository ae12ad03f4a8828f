//! What an operator can set.

use aikagi_domain::credential::CredentialRules;
use aikagi_domain::session::SessionRules;
use aikagi_hashing::seal::KeyRing;
use aikagi_mesh::config::{IdentitySettings, ServerSettings, TelemetrySettings};
use aikagi_mesh::run::CommonSettings;
use aikagi_mesh::tls::TlsIdentity;
use anyhow::Context;
use serde::Deserialize;

/// The settings file of this service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it listens.
    pub server: ServerSettings,
    /// Who it is.
    pub identity: IdentitySettings,
    /// How it tells what it does.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
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
    fn common(&self) -> CommonSettings {
        CommonSettings {
            server: self.server.clone(),
            identity: self.identity.clone(),
            telemetry: self.telemetry.clone(),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        TlsIdentity::load(&self.identity)?;
        KeyRing::load(&self.hashing.key_ring).context("setting `hashing.key_ring`")?;
        aikagi_hashing::check_memory(&self.hashing, None)?;
        Ok(())
    }
}
