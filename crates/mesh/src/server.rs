//! A gRPC server with mutual TLS, the guard of every RPC, health, reflection and an orderly stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tonic::service::Routes;

use crate::config::ServerSettings;
use crate::connection::{Clients, accept_tls};
use crate::guard::GuardLayer;
use crate::health::Readiness;
use crate::policy::{Policies, PolicyError};
use crate::shutdown::Shutdown;
use crate::tls::TlsIdentity;

/// The reason why a service cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The contracts cannot be served.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The reflection service cannot be built.
    #[error("reflection: {0}")]
    Reflection(String),
    /// The transport failed.
    #[error("serving failed: {0}")]
    Transport(String),
}

/// A service that is ready to be served.
pub struct Server {
    /// The service's name, for logs.
    pub name: &'static str,
    /// The service's settings.
    pub settings: ServerSettings,
    /// The service's certificate.
    pub identity: TlsIdentity,
    /// The contracts, as an encoded `FileDescriptorSet`.
    pub descriptors: &'static [u8],
    /// The full names of the services in `routes`.
    pub services: Vec<&'static str>,
    /// The gRPC services.
    pub routes: Routes,
    /// The readiness of the service.
    pub readiness: Readiness,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Serves on a bound listener until the stop, and then until the RPCs in progress have ended.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) -> Result<(), ServeError> {
        let policies = Arc::new(Policies::from_descriptors(self.descriptors)?);
        for service in &self.services {
            policies.check_service(service)?;
        }
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(self.descriptors)
            .build_v1()
            .map_err(|error| ServeError::Reflection(error.to_string()))?;
        let health = self.readiness.serve(self.services.clone(), &shutdown).await;
        let routes = self.routes.add_service(health).add_service(reflection);

        let drain = self.settings.drain;
        let config = move || self.identity.server_config();
        let incoming = accept_tls(listener, Clients::Workloads, config, &shutdown);
        let guard = GuardLayer::new(
            policies,
            self.settings.max_in_flight,
            self.settings.deadline,
        );
        let stop = shutdown.clone();
        let serving = transport()
            .layer(guard)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, async move { stop.begun().await });
        tracing::info!(service = self.name, "serving");
        finish(serving, drain, &shutdown).await
    }
}

/// A tonic server with the limits of all our ports.
pub fn transport() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .max_concurrent_streams(1024)
        .http2_max_header_list_size(16 * 1024)
}

/// Waits until a server ends. After the stop begins, it waits at most the drain time for
/// the RPCs in progress, and then at most the drain time for other work.
pub async fn finish<F>(serving: F, drain: Duration, shutdown: &Shutdown) -> Result<(), ServeError>
where
    F: Future<Output = Result<(), tonic::transport::Error>>,
{
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        () = shutdown.begun() => tokio::time::timeout(drain, &mut serving).await.ok(),
    };
    shutdown.wait_for_work(drain).await;
    match ended {
        Some(Err(error)) => Err(ServeError::Transport(error.to_string())),
        Some(Ok(())) => Ok(()),
        None => {
            tracing::warn!("stopped with RPCs in progress");
            Ok(())
        }
    }
}
