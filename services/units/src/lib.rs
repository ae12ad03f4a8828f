//! Units: the directory of lines and their numbers (OPS-1, OPS-2).
//!
//! One module for each RPC; [`view`] is what both answer, [`store`] holds the statements.

mod add_line;
mod failure;
mod get_line;
mod service;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod view;

use aikagi_api::units::v1::directory_service_server::{DirectoryServiceServer, SERVICE_NAME};
use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::server::Server;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use tokio::net::TcpListener;
use tonic::service::Routes;

pub use settings::Settings;
use store::Store;

/// The service, with everything that it stands on. Clones share it.
#[derive(Clone, Debug)]
pub struct Units {
    store: Store,
    clock: SharedClock,
    shutdown: Shutdown,
}

impl Units {
    /// Connects to the ledger, which may be away.
    pub fn new(
        settings: &Settings,
        clock: SharedClock,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            store: Store::new(aikagi_ledger::connect(&settings.postgres)?),
            clock,
            shutdown,
        })
    }

    /// Serves until the stop.
    pub async fn serve(self, settings: &Settings, listener: TcpListener) -> anyhow::Result<()> {
        let identity = TlsIdentity::load(&settings.identity)?;
        identity.keep_fresh(&self.shutdown);
        let ledger = self.store.clone();
        let readiness = Readiness::always().and("postgresql", move || {
            let ledger = ledger.clone();
            async move { ledger.check().await }
        });
        let shutdown = self.shutdown.clone();
        let server = Server {
            name: "units",
            settings: settings.server.clone(),
            identity,
            descriptors: aikagi_api::DESCRIPTORS,
            services: vec![SERVICE_NAME],
            routes: Routes::new(DirectoryServiceServer::new(self)),
            readiness,
        };
        Ok(server.serve(listener, shutdown).await?)
    }
}
