//! Calls to the gateway's private port: mutual TLS to the workload `gateway` and no other, a deadline on every call,
//! and a reason when nobody is to be reached.

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

/// The workload that we call.
pub(crate) const GATEWAY: &str = "gateway";

/// A way to call the system.
#[derive(Debug)]
pub(crate) struct Connection {
    upstream: Upstream,
    identity: TlsIdentity,
    gateways: Vec<String>,
    timeout: Duration,
    _shutdown: Shutdown,
}

impl Connection {
    /// Reads the certificates; connects with the first call.
    pub(crate) fn open(settings: &Settings) -> Result<Self, CommandError> {
        let identity = TlsIdentity::load(&settings.identity).map_err(|error| {
            CommandError::usage(error.to_string())
                .hint("`aikagictl doctor` looks at everything on the way")
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

    /// Makes a call within its deadline. Of a stream this is the beginning; the rest has no deadline.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CommandError> {
        Ok(self.call_whole(call).await?.into_inner())
    }

    /// The same, with the answer's metadata.
    pub(crate) async fn call_whole<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<Response<T>, CommandError> {
        let answer = deadline::within(Instant::now() + self.timeout, call)
            .await
            .unwrap_or_else(|late| Err(late.into()));
        match answer {
            Ok(answer) => Ok(answer),
            Err(status) => Err(self.explained(status).await),
        }
    }

    /// A refusal in words; when nobody answered, with what stands in the way.
    pub(crate) async fn explained(&self, status: Status) -> CommandError {
        let error = CommandError::from(status);
        if error.kind != ExitKind::Unavailable {
            return error;
        }
        let hint = match self.obstacle().await {
            Some(obstacle) => format!("{obstacle}; `aikagictl doctor` says more"),
            None => "the gateway answers, so it is what is behind it: `aikagictl doctor` says more"
                .to_owned(),
        };
        error.hint(hint)
    }

    /// What keeps us from every gateway; none when one can be reached.
    async fn obstacle(&self) -> Option<String> {
        let mut first = None;
        for gateway in &self.gateways {
            let addresses = match tokio::net::lookup_host(gateway).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    first
                        .get_or_insert(format!("{gateway}: the name cannot be looked up: {error}"));
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
