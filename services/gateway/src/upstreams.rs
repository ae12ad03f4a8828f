//! The services behind the gateway.

use std::sync::Arc;

use aikagi_mesh::client::Upstream;
use aikagi_mesh::config::Replicas;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use serde::Deserialize;

/// `[upstreams]`: the replicas of the services behind the gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// The replicas of authentication: login, lockout and sessions.
    pub authentication: Replicas,
    /// The replicas of issuance: calls and temporary passwords.
    pub issuance: Replicas,
    /// The replicas of password: permanent passwords.
    pub password: Replicas,
    /// The replicas of units: lines, numbers and unit migrations.
    pub units: Replicas,
}

/// A client for each service behind the gateway.
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
        let upstream = |workload: &str, replicas: &Replicas| {
            Upstream::new(
                workload,
                replicas.clone(),
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

    /// Finds the client for a gRPC service by its package. `None` if no upstream owns the package.
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
