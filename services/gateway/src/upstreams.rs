//! The services behind the gateway.

use std::sync::Arc;

use aikagi_mesh::client::Upstream;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use serde::Deserialize;

/// `[upstreams]`: where the services behind are, as `host:port`; every address of a name is a replica.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// Login, lockout and sessions.
    pub authentication: Vec<String>,
    /// Call dialogs and temporary passwords.
    pub issuance: Vec<String>,
    /// The permanent password.
    pub password: Vec<String>,
    /// Lines and numbers.
    pub units: Vec<String>,
}

/// One client for each of them.
#[derive(Debug, Clone)]
pub(crate) struct Upstreams {
    pub(crate) authentication: Upstream,
    pub(crate) issuance: Upstream,
    pub(crate) password: Upstream,
    pub(crate) units: Upstream,
}

impl Upstreams {
    pub(crate) fn new(
        settings: &UpstreamSettings,
        identity: &TlsIdentity,
        policies: &Arc<Policies>,
        shutdown: &Shutdown,
    ) -> Self {
        let upstream = |workload: &str, targets: &[String]| {
            Upstream::new(
                workload,
                targets.to_vec(),
                identity.clone(),
                Arc::clone(policies),
                shutdown,
            )
        };
        Self {
            authentication: upstream("authentication", &settings.authentication),
            issuance: upstream("issuance", &settings.issuance),
            password: upstream("password", &settings.password),
            units: upstream("units", &settings.units),
        }
    }

    /// The one that serves this service, by its package.
    pub(crate) fn owner(&self, service: &str) -> Option<&Upstream> {
        let (package, _name) = service.rsplit_once('.')?;
        match package {
            "aikagi.authentication.v1" => Some(&self.authentication),
            "aikagi.issuance.v1" => Some(&self.issuance),
            "aikagi.password.v1" => Some(&self.password),
            "aikagi.units.v1" => Some(&self.units),
            _ => None,
        }
    }
}
