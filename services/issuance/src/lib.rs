//! Issuance: sets temporary passwords by telephone (section 2 of the specification).
//!
//! Each RPC has its own module. [`issue`] has the code that they share. [`store`] has the SQL statements. Between two
//! turns, Redis has the sealed record of the call ([`call_record`], [`call_store`]). [`turn_position`] decides which
//! turn may come next.

pub mod call_record;
mod call_store;
mod issue;
mod service;
mod set_temporary_password;
mod setting;
mod settings;
mod store;
mod take_turn;
#[cfg(test)]
mod tests;
pub mod turn_position;
pub mod turn_request;
pub mod turn_response;

use std::sync::Arc;

use aikagi_api::issuance::v1::call_service_server::{CallServiceServer, SERVICE_NAME};
use aikagi_domain::credential::CredentialRules;
use aikagi_hashing::{CallKeys, Pool, SealingRing};
use aikagi_ledger::{Ledger, Planning};
use aikagi_mesh::background::BackgroundTask;
use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::server::Server;
use aikagi_mesh::shutdown::Shutdown;
use tokio::net::TcpListener;
use tonic::service::Routes;

pub use settings::{CallSettings, Settings};
use store::Store;

/// The service with its stores, hashing pool and keys. Clones share them.
#[derive(Clone, Debug)]
pub struct Issuance {
    store: Store,
    ttl: aikagi_ttl::TtlStore,
    pool: Pool,
    keys: SealingRing,
    call_keys: CallKeys,
    clock: SharedClock,
    rules: Arc<CredentialRules>,
    call: Arc<CallSettings>,
    shutdown: Shutdown,
}

impl Issuance {
    /// Creates the service. The stores need not respond yet, but the files of keys must be readable.
    pub fn new(
        settings: &Settings,
        clock: SharedClock,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            store: Store::new(Ledger::connect(&settings.postgres, Planning::Once)?),
            ttl: aikagi_ttl::TtlStore::connect(&settings.redis)?,
            pool: Pool::new(&settings.hashing)?,
            keys: settings.hashing.sealing_ring()?,
            call_keys: settings.call.keys()?,
            clock,
            rules: Arc::new(settings.credential.clone()),
            call: Arc::new(settings.call.clone()),
            shutdown,
        })
    }

    /// The hashing pool. Tests compare its counts.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Serves RPCs until shutdown.
    pub async fn serve(self, context: ServiceContext, listener: TcpListener) -> anyhow::Result<()> {
        let refusals = self.store.refusals().clone();
        let readiness = Readiness::always()
            .and(self.store.ledger().clone())
            .and(self.ttl.clone());
        let server = Server {
            name: "issuance",
            settings: context.server,
            identity: context.identity,
            descriptors: aikagi_api::DESCRIPTORS,
            services: vec![SERVICE_NAME],
            routes: Routes::new(CallServiceServer::new(self)),
            readiness,
        };
        let serving = server.serve(listener, context.shutdown);
        let mut task = BackgroundTask::new("audit_counts");
        let report = move |result| task.record(result);
        Ok(refusals.write_while(serving, report).await?)
    }
}
