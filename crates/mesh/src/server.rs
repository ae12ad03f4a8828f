//! A gRPC server with mutual TLS, the guard in front of every RPC, health and reflection. Its stop waits for RPCs in
//! progress.

use std::sync::Arc;

use tokio::net::TcpListener;
use tonic::service::Routes;

use crate::bounds::Bounds;
use crate::config::ServerSettings;
use crate::connection::Clients;
use crate::guard::GuardLayer;
use crate::health::Readiness;
use crate::policy::{Policies, PolicyError};
use crate::port::{Port, PortSettings};
use crate::shutdown::Shutdown;
use crate::tls::TlsIdentity;

/// The reason why a service cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The contracts cannot be served.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The reflection service cannot be built.
    #[error("the reflection service cannot be built: {0}")]
    Reflection(String),
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

        let settings = &self.settings;
        let port = Port::new(PortSettings {
            name: "inside",
            clients: Clients::Workloads,
            bounds: Bounds::new(&settings.bounds, Clients::Workloads),
            max_in_flight: settings.max_in_flight,
            drain: settings.drain,
        });
        let guard = GuardLayer::new(policies, settings.max_in_flight, settings.deadline);
        tracing::info!(service = self.name, "serving");
        port.serve(listener, self.identity, guard.of(routes), &shutdown)
            .await;
        Ok(())
    }
}
