//! The IVR adapter. It accepts calls from Asterisk over FastAGI and sends their turns to the gateway's private port.
//!
//! Issuance implements all rules of the dialog. The adapter only translates between two protocols. It converts guidance
//! to a [script], which is a list of [recordings](prompts). It converts the caller's keys to the next turn
//! ([`dialog`]).
//!
//! A client of the FastAGI port states the caller's number. Therefore the adapter accepts only connections from
//! Asterisk's addresses, and limits the resources of each connection ([`calls`]).

mod call;
mod calls;
mod dialog;
pub mod prompts;
pub mod script;
mod settings;

use std::sync::Arc;

use aikagi_mesh::client::Upstream;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::server::Server;
use anyhow::Context;
use tokio::net::TcpListener;
use tonic::service::Routes;

pub use call::OUTCOME_VARIABLE;
pub use calls::Calls;
pub use dialog::{Dialog, Gateway, NoResponse};
pub use prompts::PromptSettings;
pub use settings::{AgiSettings, Settings, TurnSettings, UpstreamSettings};

/// The name of the adapter's workload.
pub const NAME: &str = "ivr";

/// The listening sockets of the adapter.
#[derive(Debug)]
pub struct Listeners {
    /// The port for Asterisk: FastAGI.
    pub agi: TcpListener,
    /// The port for health checks: gRPC over mutual TLS.
    pub health: TcpListener,
}

impl Listeners {
    /// Binds both ports. The error names the setting with the address.
    pub async fn bind(settings: &Settings, context: &ServiceContext) -> anyhow::Result<Self> {
        let agi = TcpListener::bind(settings.agi.listen).await;
        Ok(Self {
            agi: agi.context("agi.listen")?,
            health: context.bind().await?,
        })
    }
}

/// Accepts calls until the shutdown begins, and then waits until the calls in progress have ended.
pub async fn serve(
    settings: Settings,
    context: ServiceContext,
    listeners: Listeners,
) -> anyhow::Result<()> {
    let ServiceContext {
        server,
        identity,
        shutdown,
    } = context;
    let prompts = prompts::Prompts::load(&settings.prompts)?;
    let policies = Arc::new(Policies::from_descriptors(aikagi_api::DESCRIPTORS)?);
    let gateway = Upstream::new(
        "gateway",
        settings.upstreams.gateway.clone(),
        identity.clone(),
        policies,
        &shutdown,
    );
    let readiness = Readiness::always().and(gateway.clone());
    let health = Server {
        name: NAME,
        settings: server,
        identity,
        descriptors: aikagi_api::DESCRIPTORS,
        services: Vec::new(),
        routes: Routes::default(),
        readiness,
    };
    let dialog = Gateway::new(gateway, settings.turn.deadline);
    let calls = Calls::new(settings.agi, prompts, dialog);
    let (health, ()) = tokio::join!(
        health.serve(listeners.health, shutdown.clone()),
        calls.take(listeners.agi, &shutdown),
    );
    health.map_err(anyhow::Error::from)
}
