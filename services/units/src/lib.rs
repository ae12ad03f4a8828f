//! Units: the directory of lines and their numbers (OPS-1, OPS-2), bulk import, the audit trail for operators and subscribers
//! (OPS-3, SESS-8), and unit migration (MIG-*).
//!
//! Each gRPC service has its own folder, and each RPC has its own module there. [`view`] converts the state of a line
//! to a message. [`store`] has the SQL statements.

mod activity;
mod archive;
mod audit;
mod checked_session;
mod directory;
mod import;
mod retention;
mod service;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod unit_migration;
mod view;

use std::sync::Arc;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::units::v1::activity_service_server::{self, ActivityServiceServer};
use aikagi_api::units::v1::audit_service_server::{self, AuditServiceServer};
use aikagi_api::units::v1::directory_service_server::{self, DirectoryServiceServer};
use aikagi_api::units::v1::import_service_server::{self, ImportServiceServer};
use aikagi_api::units::v1::migration_service_server::{self, MigrationServiceServer};
use aikagi_domain::credential::CredentialRules;
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

use activity::Activity;
pub use retention::{RetentionSettings, remove_old_months};
pub use settings::{Settings, UpstreamSettings};
use store::Store;
use unit_migration::UnitMigration;

/// The service with its store. Clones share it.
#[derive(Clone, Debug)]
pub struct Units {
    store: Store,
    clock: SharedClock,
    credential_rules: Arc<CredentialRules>,
    shutdown: Shutdown,
}

impl Units {
    /// Creates the service. The ledger need not respond yet.
    pub fn new(
        settings: &Settings,
        clock: SharedClock,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            store: Store::new(Ledger::connect(&settings.postgres, Planning::AsNeeded)?),
            clock,
            credential_rules: Arc::new(settings.credential.clone()),
            shutdown,
        })
    }

    /// Serves RPCs until shutdown.
    pub async fn serve(
        self,
        settings: &Settings,
        context: ServiceContext,
        listener: TcpListener,
    ) -> anyhow::Result<()> {
        let refusals = self.store.refusals().clone();
        let readiness = Readiness::always().and(self.store.ledger().clone());
        let authentication = AuthenticationServiceClient::new(Upstream::new(
            "authentication",
            settings.upstreams.authentication.clone(),
            context.identity.clone(),
            Arc::new(Policies::from_descriptors(aikagi_api::DESCRIPTORS)?),
            &context.shutdown,
        ));
        let unit_migration = UnitMigration::new(
            settings,
            &context,
            self.store.clone(),
            authentication.clone(),
            self.clock.clone(),
        )?;
        let activity = Activity {
            store: self.store.clone(),
            authentication,
        };
        tokio::spawn(audit::open_months_ahead(
            self.store.clone(),
            self.clock.clone(),
            context.shutdown.clone(),
        ));
        tokio::spawn(archive::watch(self.store.clone(), context.shutdown.clone()));
        let server = Server {
            name: "units",
            settings: context.server,
            identity: context.identity,
            descriptors: aikagi_api::DESCRIPTORS,
            services: vec![
                activity_service_server::SERVICE_NAME,
                audit_service_server::SERVICE_NAME,
                directory_service_server::SERVICE_NAME,
                import_service_server::SERVICE_NAME,
                migration_service_server::SERVICE_NAME,
            ],
            routes: Routes::new(DirectoryServiceServer::new(self.clone()))
                .add_service(ActivityServiceServer::new(activity))
                .add_service(AuditServiceServer::new(self.clone()))
                .add_service(ImportServiceServer::new(self))
                .add_service(MigrationServiceServer::new(unit_migration)),
            readiness,
        };
        let serving = server.serve(listener, context.shutdown);
        let mut task = BackgroundTask::new("audit_counts");
        let report = move |result| task.record(result);
        Ok(refusals.write_while(serving, report).await?)
    }
}
