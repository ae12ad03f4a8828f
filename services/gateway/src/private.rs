//! The private port: mutual TLS for outside workloads. A workload may call only the RPCs whose `edge_callers` name it
//! (INV-7). The gateway itself serves Envoy's access check, health checks and reflection. It routes all other requests
//! to the service that owns the RPC.

use std::sync::Arc;

use aikagi_api::envoy::v3::authorization_server::AuthorizationServer;
use aikagi_mesh::bounds::Bounds;
use aikagi_mesh::connection::Clients;
use aikagi_mesh::guard::{GuardLayer, PortAudience};
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::port::{Port, PortSettings};
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::server::ServeError;
use tokio::net::TcpListener;
use tonic::service::Routes;

use crate::envoy::Envoy;
use crate::route::Route;
use crate::settings::EnvoySettings;
use crate::upstreams::GatewayUpstreams;

/// Serves the private port until shutdown. Returns when the RPCs in progress have ended. The port is ready while
/// authentication responds.
pub(crate) async fn serve(
    envoy: &EnvoySettings,
    upstreams: &GatewayUpstreams,
    policies: Arc<Policies>,
    context: ServiceContext,
    listener: TcpListener,
) -> anyhow::Result<()> {
    let ServiceContext {
        server: settings,
        identity,
        shutdown,
    } = context;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(aikagi_api::DESCRIPTORS)
        .build_v1()
        .map_err(|error| ServeError::Reflection(error.to_string()))?;
    let authentication = upstreams.authentication.clone();
    let health = Readiness::always()
        .and(authentication.clone())
        .serve(Vec::new(), &shutdown)
        .await;
    let own = Routes::new(health)
        .add_service(reflection)
        .add_service(AuthorizationServer::new(Envoy::new(authentication, envoy)))
        .into_axum_router();
    let route = Route::new(Arc::clone(&policies), upstreams.clone());
    let routes = Routes::from(own.fallback_service(route));

    let guard = GuardLayer::new(policies, settings.max_in_flight, settings.deadline)
        .for_audience(PortAudience::Outside);
    let port = Port::new(PortSettings {
        name: "private",
        clients: Clients::Workloads,
        bounds: Bounds::new(&settings.bounds, Clients::Workloads),
        max_in_flight: settings.max_in_flight,
        drain: settings.drain,
    });
    tracing::info!(service = "gateway", port = "private", "serving");
    port.serve(listener, identity, guard.of(routes), &shutdown)
        .await;
    Ok(())
}
