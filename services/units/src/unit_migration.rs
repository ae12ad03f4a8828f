//! Unit migration: a subscriber changes the auth unit of the line (section 6 of the specification). This service writes
//! hashes and never reads one. The authentication service verifies passwords.
//!
//! Each RPC has its own module. [`session`] has the code that they share. [`passwords`] reads the entered passwords,
//! and asks the authentication service to verify them.

pub(crate) mod migrate;
mod passwords;
pub(crate) mod preview_migration;
mod session;

use std::sync::Arc;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::units::v1::{AccountRole, Login};
use aikagi_domain::credential::CredentialRules;
use aikagi_domain::unit_migration;
use aikagi_hashing::{Pool, SealingRing};
use aikagi_mesh::client::Upstream;
use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::shutdown::Shutdown;

use crate::settings::{Settings, UnitMigrationSettings};
use crate::store::{Store, texts};

/// The service with its store, client, hashing pool and keys. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct UnitMigration {
    store: Store,
    authentication: AuthenticationServiceClient<Upstream>,
    pool: Pool,
    keys: SealingRing,
    clock: SharedClock,
    credential_rules: Arc<CredentialRules>,
    bounds: UnitMigrationSettings,
    shutdown: Shutdown,
}

impl UnitMigration {
    /// Creates the service. The sealing ring must be readable.
    pub(crate) fn new(
        settings: &Settings,
        context: &ServiceContext,
        store: Store,
        authentication: AuthenticationServiceClient<Upstream>,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            store,
            authentication,
            pool: Pool::new(&settings.hashing)?,
            keys: settings.hashing.sealing_ring()?,
            clock,
            credential_rules: Arc::new(settings.credential.clone()),
            bounds: settings.unit_migration.clone(),
            shutdown: context.shutdown.clone(),
        })
    }
}

/// MIG-6: the logins after a unit migration.
fn logins(plan: &unit_migration::UnitMigrationPlan) -> Vec<Login> {
    let login = |login: &unit_migration::Login| Login {
        number: login.number.as_str().to_owned(),
        role: AccountRole::from(login.role).into(),
        scope_numbers: texts(&login.scope),
    };
    plan.logins.iter().map(login).collect()
}
