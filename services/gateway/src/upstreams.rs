//! The services behind the edge and the gateway.

use std::sync::Arc;

use aikagi_mesh::client::Upstream;
use aikagi_mesh::config::Replicas;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use serde::Deserialize;

/// `[upstreams]`: the replicas of the services behind both roles.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamSettings {
    pub(crate) authentication: Replicas,
    pub(crate) units: Replicas,
    #[serde(default)]
    pub(crate) password: Option<Replicas>,
    #[serde(default)]
    pub(crate) issuance: Option<Replicas>,
}

/// `[upstreams]` of the edge: the replicas of the services that it calls.
#[derive(Debug, Clone)]
pub struct EdgeUpstreamSettings {
    /// The replicas of authentication: login, lockout and sessions.
    pub authentication: Replicas,
    /// The replicas of password: permanent passwords.
    pub password: Replicas,
    /// The replicas of units: unit migrations.
    pub units: Replicas,
}

/// `[upstreams]` of the gateway: the replicas of the services that it calls.
#[derive(Debug, Clone)]
pub struct GatewayUpstreamSettings {
    /// The replicas of authentication: access checks and sessions.
    pub authentication: Replicas,
    /// The replicas of issuance: calls and temporary passwords.
    pub issuance: Replicas,
    /// The replicas of units: lines, numbers and the audit trail.
    pub units: Replicas,
}

/// What every client of a service needs.
pub(crate) struct Connector<'a> {
    pub(crate) identity: &'a TlsIdentity,
    pub(crate) policies: &'a Arc<Policies>,
    pub(crate) shutdown: &'a Shutdown,
}

impl Connector<'_> {
    fn upstream(&self, workload: &str, replicas: &Replicas) -> Upstream {
        Upstream::new(
            workload,
            replicas.clone(),
            self.identity.clone(),
            Arc::clone(self.policies),
            self.shutdown,
        )
    }
}

/// A client for each service that the edge calls.
#[derive(Debug, Clone)]
pub(crate) struct EdgeUpstreams {
    pub(crate) authentication: Upstream,
    pub(crate) password: Upstream,
    pub(crate) units: Upstream,
}

impl EdgeUpstreams {
    pub(crate) fn new(settings: &EdgeUpstreamSettings, connector: &Connector<'_>) -> Self {
        Self {
            authentication: connector.upstream("authentication", &settings.authentication),
            password: connector.upstream("password", &settings.password),
            units: connector.upstream("units", &settings.units),
        }
    }
}

/// A client for each service that the gateway calls.
#[derive(Debug, Clone)]
pub(crate) struct GatewayUpstreams {
    pub(crate) authentication: Upstream,
    issuance: Upstream,
    units: Upstream,
}

impl GatewayUpstreams {
    pub(crate) fn new(settings: &GatewayUpstreamSettings, connector: &Connector<'_>) -> Self {
        Self {
            authentication: connector.upstream("authentication", &settings.authentication),
            issuance: connector.upstream("issuance", &settings.issuance),
            units: connector.upstream("units", &settings.units),
        }
    }

    /// Finds the client for a gRPC service by its package. `None` if no upstream owns the package.
    pub(crate) fn owner(&self, service: &str) -> Option<&Upstream> {
        let (package, _name) = service.rsplit_once('.')?;
        match package {
            "aikagi.authentication.v1" => Some(&self.authentication),
            "aikagi.issuance.v1" => Some(&self.issuance),
            "aikagi.units.v1" => Some(&self.units),
            _ => None,
        }
    }
}
