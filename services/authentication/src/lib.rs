//! Authentication: login, lockout and sessions (sections 3 and 4 of the specification). It is the only service that
//! reads password hashes.
//!
//! Each RPC has its own module. [`attempt`] has the code that RPCs share to verify a password. [`sessions`] has the
//! code that RPCs share to read, check and store sessions. [`store`] has the SQL statements.

mod attempt;
mod check_access;
mod check_reuse;
mod check_session;
mod end_other_sessions;
mod end_own_session;
mod end_sessions;
mod list_own_sessions;
mod list_sessions;
mod login;
mod logout;
mod metrics;
mod refunds;
mod reseal;
mod rotate_session;
mod service;
mod sessions;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod turns;
mod verify_password;

use std::sync::Arc;

use aikagi_api::authentication::v1::authentication_service_server::{
    AuthenticationServiceServer, SERVICE_NAME,
};
use aikagi_domain::credential::CredentialRules;
use aikagi_domain::session::SessionRules;
use aikagi_hashing::{KeyRing, Pool};
use aikagi_ledger::{Ledger, Planning};
use aikagi_mesh::background::BackgroundTask;
use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::server::Server;
use aikagi_mesh::shutdown::Shutdown;
use tokio::net::TcpListener;
use tonic::service::Routes;

use refunds::Refunds;
pub use reseal::{ResealSettings, Resealed, reseal};
pub use settings::Settings;
use store::Store;
use turns::Turns;

/// The service with its stores, hashing pool and keys. Clones share them.
#[derive(Clone, Debug)]
pub struct Authentication {
    store: Store,
    refunds: Refunds,
    turns: Turns,
    ttl: aikagi_ttl::TtlStore,
    pool: Pool,
    keys: KeyRing,
    clock: SharedClock,
    credential_rules: Arc<CredentialRules>,
    session_rules: Arc<SessionRules>,
    shutdown: Shutdown,
}

impl Authentication {
    /// Creates the service. The stores need not respond yet, but the key ring must be readable.
    pub fn new(
        settings: &Settings,
        clock: SharedClock,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        let store = Store::new(Ledger::connect(&settings.postgres, Planning::Once)?);
        Ok(Self {
            refunds: Refunds::new(store.clone(), shutdown.clone()),
            store,
            // `serve` bounds them by the places of its port.
            turns: Turns::new(usize::MAX),
            ttl: aikagi_ttl::TtlStore::connect(&settings.redis)?,
            pool: Pool::new(&settings.hashing)?,
            keys: settings.hashing.key_ring()?,
            clock,
            credential_rules: Arc::new(settings.credential.clone()),
            session_rules: Arc::new(settings.session.clone()),
            shutdown,
        })
    }

    /// The hashing pool. Tests compare its counts.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Serves RPCs until shutdown.
    pub async fn serve(self, context: ServiceContext, listener: TcpListener) -> anyhow::Result<()> {
        let service = Self {
            turns: Turns::new(context.server.max_in_flight),
            ..self
        };
        service
            .store
            .start_cleanup(service.clock.clone(), &service.shutdown);
        metrics::export_sieges();
        let refusals = service.store.refusals().clone();
        let readiness = Readiness::always()
            .and(service.store.ledger().clone())
            .and(service.ttl.clone());
        let server = Server {
            name: "authentication",
            settings: context.server,
            identity: context.identity,
            descriptors: aikagi_api::DESCRIPTORS,
            services: vec![SERVICE_NAME],
            routes: Routes::new(AuthenticationServiceServer::new(service)),
            readiness,
        };
        let serving = server.serve(listener, context.shutdown);
        let mut task = BackgroundTask::new("audit_counts");
        let report = move |result| task.record(result);
        Ok(refusals.write_while(serving, report).await?)
    }
}
