//! The program in front of the services. It has no business rules. It runs in one of two roles, which are workloads with
//! different rights (INV-7):
//!
//! - The edge serves the public port ([`public`]): subscribers, with gRPC-Web and gRPC. It converts cookies to tokens, and
//!   limits attempts for each client address (LOGIN-8). It may call only the RPCs that subscribers need.
//! - The gateway serves the private port ([`private`]): outside workloads (IVR platforms, settings back ends, operators),
//!   with mutual TLS. It routes each request to the service that owns the RPC. An outside workload may call only the RPCs
//!   whose option `edge_callers` names it. Despite its name, that option concerns this port, not the edge.

pub mod address;
pub mod browser;
mod certificate;
mod device;
mod envoy;
mod gate;
mod grpc_web;
mod limit;
pub mod origin;
mod private;
pub mod profile;
mod public;
mod reflection;
mod route;
pub mod session_token;
mod settings;
mod shedding;
mod site;
mod subscriber;
mod upstreams;

use std::sync::Arc;

use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::config::ServerSettings;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::server::Server;
use aikagi_mesh::shutdown::Shutdown;
use anyhow::Context;
use tokio::net::TcpListener;
use tonic::service::Routes;

pub use limit::{LimitSettings, Override};
pub use origin::Origin;
pub use profile::ProfileSettings;
pub use settings::{
    CredentialHeader, EdgeSettings, EnvoySettings, GatewaySettings, PublicSettings, Settings,
};
pub use upstreams::{EdgeUpstreamSettings, GatewayUpstreamSettings};

use certificate::PublicCertificate;
use upstreams::{Connector, EdgeUpstreams, GatewayUpstreams};

/// The listening sockets of the edge.
#[derive(Debug)]
pub struct EdgeListeners {
    /// The public port, for anyone: gRPC-Web, gRPC and the site over TLS.
    pub public: TcpListener,
    /// The port for health checks: gRPC over mutual TLS.
    pub health: TcpListener,
}

impl EdgeListeners {
    /// Binds both ports. An error names the setting of the port.
    pub async fn bind(settings: &EdgeSettings, context: &ServiceContext) -> anyhow::Result<Self> {
        let public = TcpListener::bind(settings.public.listen).await;
        Ok(Self {
            public: public.context("public.listen")?,
            health: context.bind().await?,
        })
    }
}

/// The parts of the edge.
#[derive(Clone, Debug)]
struct Edge {
    settings: EdgeSettings,
    server: ServerSettings,
    policies: Arc<Policies>,
    upstreams: EdgeUpstreams,
    store: aikagi_ttl::TtlStore,
    readiness: Readiness,
    clock: SharedClock,
    shutdown: Shutdown,
}

/// Serves the public port until shutdown. Returns when the RPCs in progress have ended.
///
/// Redis and the upstreams need not respond yet, but the files that the settings name must be readable.
pub async fn serve_edge(
    settings: EdgeSettings,
    context: ServiceContext,
    listeners: EdgeListeners,
    clock: SharedClock,
) -> anyhow::Result<()> {
    let ServiceContext {
        server,
        identity,
        shutdown,
    } = context;
    let certificate = PublicCertificate::load(&settings.public.certificate, &settings.public.key)?;
    certificate.keep_fresh(identity.reload_interval(), &shutdown);

    let policies = Arc::new(Policies::from_descriptors(aikagi_api::DESCRIPTORS)?);
    let store = aikagi_ttl::TtlStore::connect(&settings.redis)?;
    let connector = Connector {
        identity: &identity,
        policies: &policies,
        shutdown: &shutdown,
    };
    let upstreams = EdgeUpstreams::new(&settings.upstreams, &connector);
    // The edge is ready while a subscriber can log in: Redis can count attempts, and authentication responds.
    let readiness = Readiness::always()
        .and(store.clone())
        .and(upstreams.authentication.clone());
    let health = Server {
        name: "edge",
        settings: server.clone(),
        identity,
        descriptors: aikagi_api::DESCRIPTORS,
        services: Vec::new(),
        routes: Routes::default(),
        readiness: readiness.clone(),
    };
    let edge = Edge {
        settings,
        server,
        policies,
        upstreams,
        store,
        readiness,
        clock,
        shutdown: shutdown.clone(),
    };
    let health = async {
        let served = health.serve(listeners.health, shutdown).await;
        served.map_err(anyhow::Error::from)
    };
    tokio::try_join!(public::serve(&edge, listeners.public, certificate), health)?;
    Ok(())
}

/// Serves the private port until shutdown. Returns when the RPCs in progress have ended. The upstreams need not respond
/// yet.
pub async fn serve_gateway(
    settings: GatewaySettings,
    context: ServiceContext,
    listener: TcpListener,
) -> anyhow::Result<()> {
    let policies = Arc::new(Policies::from_descriptors(aikagi_api::DESCRIPTORS)?);
    let connector = Connector {
        identity: &context.identity,
        policies: &policies,
        shutdown: &context.shutdown,
    };
    let upstreams = GatewayUpstreams::new(&settings.upstreams, &connector);
    private::serve(&settings.envoy, &upstreams, policies, context, listener).await
}
