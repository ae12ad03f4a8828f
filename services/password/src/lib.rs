//! Password: changes permanent passwords (section 5 of the specification). It writes hashes and never reads one. The
//! authentication service compares passwords with hashes.
//!
//! Each RPC has its own module. [`new_password`] checks the new password before an attempt is charged. [`store`] has
//! the SQL statements.

mod change_password;
mod get_policy;
mod new_password;
mod service;
mod settings;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::password::v1::password_service_server::{PasswordServiceServer, SERVICE_NAME};
use aikagi_domain::credential::CredentialRules;
use aikagi_domain::password::PasswordPolicy;
use aikagi_hashing::{Pool, SealingRing};
use aikagi_ledger::{Ledger, Planning};
use aikagi_mesh::background::BackgroundTask;
use aikagi_mesh::client::Upstream;
use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::server::Server;
use aikagi_mesh::shutdown::Shutdown;
use tokio::net::TcpListener;
use tonic::service::Routes;

pub use settings::{Settings, UpstreamSettings};
use store::Store;

/// The service with its store, clients, hashing pool and keys. Clones share them.
#[derive(Clone, Debug)]
pub struct Password {
    store: Store,
    authentication: AuthenticationServiceClient<Upstream>,
    pool: Pool,
    keys: SealingRing,
    clock: SharedClock,
    credential_rules: Arc<CredentialRules>,
    policy: Arc<PasswordPolicy>,
    shutdown: Shutdown,
}

impl Password {
    /// Creates the service. The ledger and authentication need not respond yet, but the sealing ring must be readable.
    pub fn new(
        settings: &Settings,
        context: &ServiceContext,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        let authentication = Upstream::new(
            "authentication",
            settings.upstreams.authentication.clone(),
            context.identity.clone(),
            Arc::new(Policies::from_descriptors(aikagi_api::DESCRIPTORS)?),
            &context.shutdown,
        );
        Ok(Self {
            store: Store::new(Ledger::connect(&settings.postgres, Planning::Once)?),
            authentication: AuthenticationServiceClient::new(authentication),
            pool: Pool::new(&settings.hashing)?,
            keys: settings.hashing.sealing_ring()?,
            clock,
            credential_rules: Arc::new(settings.credential.clone()),
            policy: Arc::new(settings.policy.clone()),
            shutdown: context.shutdown.clone(),
        })
    }

    /// The hashing pool. Tests compare its counts.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Serves RPCs until shutdown.
    pub async fn serve(self, context: ServiceContext, listener: TcpListener) -> anyhow::Result<()> {
        let refusals = self.store.refusals().clone();
        let readiness = Readiness::always().and(self.store.ledger().clone());
        let server = Server {
            name: "password",
            settings: context.server,
            identity: context.identity,
            descriptors: aikagi_api::DESCRIPTORS,
            services: vec![SERVICE_NAME],
            routes: Routes::new(PasswordServiceServer::new(self)),
            readiness,
        };
        let serving = server.serve(listener, context.shutdown);
        let mut task = BackgroundTask::new("audit_counts");
        let report = move |result| task.record(result);
        Ok(refusals.write_while(serving, report).await?)
    }
}
