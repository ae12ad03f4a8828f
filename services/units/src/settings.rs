//! What an operator can set.

use aikagi_mesh::config::{IdentitySettings, ServerSettings, TelemetrySettings};
use aikagi_mesh::run::CommonSettings;
use aikagi_mesh::tls::TlsIdentity;
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
    /// The ledger, as role `aikagi_units`.
    pub postgres: aikagi_ledger::Settings,
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
        Ok(())
    }
}
