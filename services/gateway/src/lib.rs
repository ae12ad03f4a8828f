//! The gateway, which receives all outside requests. It has no business rules. It converts cookies to tokens, limits
//! attempts for each client address (LOGIN-8), and routes outside requests to the service that owns the RPC.
//!
//! The gateway has two ports. The public port ([`public`]) serves subscribers with gRPC-Web and gRPC. The private port
//! ([`private`]) serves outside workloads (IVR platforms, settings back ends, operators) with mutual TLS. An outside
//! workload may call only the RPCs whose `edge_callers` name it (INV-7).

pub mod address;
pub mod browser;
mod certificate;
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
mod site;
mod subscriber;
mod upstreams;

use std::sync::Arc;

use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::config::ServerSettings;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::shutdown::Shutdown;
use anyhow::Context;
use tokio::net::TcpListener;

pub use limit::{LimitSettings, Override};
pub use origin::Origin;
pub use profile::ProfileSettings;
pub use settings::{CredentialHeader, EnvoySettings, PublicSettings, Settings};
pub use upstreams::UpstreamSettings;

use certificate::PublicCertificate;
use upstreams::Upstreams;

/// The listening sockets of the gateway's two ports.
#[derive(Debug)]
pub struct Listeners {
    /// The public port, for anyone: gRPC-Web, gRPC and the site over TLS.
    pub public: TcpListener,
    /// The private port, for outside workloads: gRPC over mutual TLS.
    pub private: TcpListener,
}

impl Listeners {
    /// Binds both ports. An error names the setting of the port.
    pub async fn bind(settings: &Settings, context: &ServiceContext) -> anyhow::Result<Self> {
        let public = TcpListener::bind(settings.public.listen).await;
        Ok(Self {
            public: public.context("public.listen")?,
            private: context.bind().await?,
        })
    }
}

/// The parts that both ports use.
#[derive(Clone, Debug)]
struct Gateway {
    settings: Settings,
    server: ServerSettings,
    policies: Arc<Policies>,
    upstreams: Upstreams,
    store: aikagi_ttl::TtlStore,
    readiness: Readiness,
    clock: SharedClock,
    shutdown: Shutdown,
}

/// Serves both ports until shutdown. Returns when the RPCs in progress have ended.
///
/// Redis and the upstreams need not respond yet, but the files that the settings name must be readable.
pub async fn serve(
    settings: Settings,
    context: ServiceContext,
    listeners: Listeners,
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
    let upstreams = Upstreams::new(&settings.upstreams, &identity, &policies, &shutdown);
    let gateway = Gateway {
        readiness: readiness(&store, &upstreams),
        settings,
        server,
        policies,
        upstreams,
        store,
        clock,
        shutdown,
    };
    tokio::try_join!(
        public::serve(&gateway, listeners.public, certificate),
        private::serve(&gateway, listeners.private, identity),
    )?;
    Ok(())
}

/// The gateway is ready while a subscriber can log in: Redis can count attempts, and authentication responds.
fn readiness(store: &aikagi_ttl::TtlStore, upstreams: &Upstreams) -> Readiness {
    Readiness::always()
        .and(store.clone())
        .and(upstreams.authentication.clone())
}
