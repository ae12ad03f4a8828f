//! RPCs to the gateway's private port. They use mutual TLS and are sent only to the workload `gateway`. Each RPC has
//! a deadline. If no gateway can be reached, the error explains why.

use std::sync::Arc;
use std::time::Duration;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::units::v1::audit_service_client::AuditServiceClient;
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_api::units::v1::import_service_client::ImportServiceClient;
use aikagi_mesh::client::{Upstream, probe};
use aikagi_mesh::deadline;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use tokio::time::Instant;
use tonic::{Response, Status};
use tonic_health::pb::health_client::HealthClient;

use crate::error::{CommandError, ExitKind};
use crate::settings::Settings;

/// The workload to which `aikagictl` sends its requests.
pub(crate) const GATEWAY: &str = "gateway";

/// A connection to the system.
#[derive(Debug)]
pub(crate) struct Connection {
    upstream: Upstream,
    identity: TlsIdentity,
    gateways: Vec<String>,
    timeout: Duration,
    _shutdown: Shutdown,
}

impl Connection {
    /// Reads the certificates. The first RPC opens the connection.
    pub(crate) fn open(settings: &Settings) -> Result<Self, CommandError> {
        let identity = TlsIdentity::load(&settings.identity).map_err(|error| {
            CommandError::usage(error.to_string())
                .hint("run `aikagictl doctor` to check the certificates and the connection")
        })?;
        let policies = Policies::from_descriptors(aikagi_api::DESCRIPTORS)
            .map_err(|error| CommandError::new(ExitKind::Fault, error.to_string()))?;
        let shutdown = Shutdown::new();
        let upstream = Upstream::new(
            GATEWAY,
            settings.gateways.clone(),
            identity.clone(),
            Arc::new(policies),
            &shutdown,
        );
        Ok(Self {
            upstream,
            identity,
            gateways: settings.gateways.clone(),
            timeout: settings.timeout,
            _shutdown: shutdown,
        })
    }

    pub(crate) fn directory(&self) -> DirectoryServiceClient<Upstream> {
        DirectoryServiceClient::new(self.upstream.clone())
    }

    pub(crate) fn authentication(&self) -> AuthenticationServiceClient<Upstream> {
        AuthenticationServiceClient::new(self.upstream.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Upstream> {
        AuditServiceClient::new(self.upstream.clone())
    }

    pub(crate) fn import(&self) -> ImportServiceClient<Upstream> {
        ImportServiceClient::new(self.upstream.clone())
    }

    pub(crate) fn health(&self) -> HealthClient<Upstream> {
        HealthClient::new(self.upstream.clone())
    }

    /// Sends an RPC with a deadline and returns the response message. For a stream the deadline covers only the start.
    pub(crate) async fn call<T>(
        &self,
        rpc: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CommandError> {
        Ok(self.call_with_metadata(rpc).await?.into_inner())
    }

    /// Sends an RPC with a deadline and returns the response with its metadata.
    pub(crate) async fn call_with_metadata<T>(
        &self,
        rpc: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<Response<T>, CommandError> {
        let response = deadline::within(Instant::now() + self.timeout, rpc)
            .await
            .unwrap_or_else(|late| Err(late.into()));
        match response {
            Ok(response) => Ok(response),
            Err(status) => Err(self.explain(status).await),
        }
    }

    /// Converts the status of an RPC to an error. If the system is unavailable, the hint says which part of it fails.
    pub(crate) async fn explain(&self, status: Status) -> CommandError {
        let error = CommandError::from(status);
        if error.kind != ExitKind::Unavailable {
            return error;
        }
        let hint = match self.obstacle().await {
            Some(obstacle) => format!("{obstacle}; run `aikagictl doctor` for details"),
            None => "the gateway answers, but a service behind it is unavailable; run `aikagictl doctor` for details"
                .to_owned(),
        };
        error.hint(hint)
    }

    /// Returns the reason why no gateway can be reached, or `None` if one can be reached.
    async fn obstacle(&self) -> Option<String> {
        let mut first = None;
        for gateway in &self.gateways {
            let addresses = match tokio::net::lookup_host(gateway).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    first.get_or_insert(format!("{gateway}: the name cannot be resolved: {error}"));
                    continue;
                }
            };
            for address in addresses {
                match probe(GATEWAY, address, &self.identity).await {
                    Ok(_) => return None,
                    Err(obstacle) => {
                        first.get_or_insert(format!("{gateway}: {obstacle}"));
                    }
                }
            }
        }
        first
    }
}
