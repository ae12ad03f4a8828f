//! `Migrate`: changes the auth unit of a line, completely or not at all (MIG-1 to MIG-8).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aikagi_api::units::v1::{MigrateRequest, MigrateResponse};
use aikagi_domain::fault::InternalFault;
use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use aikagi_domain::unit_migration::UnitMigrationPlan;
use aikagi_hashing::seal::Context;
use aikagi_hashing::{Hash, SecretBytes};
use aikagi_mesh::deadline;
use aikagi_mesh::telemetry::metrics::{Counter, KeyValue, counter};
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use zeroize::Zeroizing;

use super::passwords::{self, EnteredPassword};
use super::session::{self, MigrationSession};
use super::{UnitMigration, logins};
use crate::store::unit_migration::ProvenMigration;

static MIGRATIONS: LazyLock<Counter<u64>> =
    LazyLock::new(|| counter("aikagi.unit_migrations", "Unit migrations, by result."));

/// The input of a unit migration.
struct MigrateInput {
    unit: AuthUnit,
    revision: String,
    entries: Vec<EnteredPassword>,
}

pub(crate) async fn migrate(
    service: &UnitMigration,
    mut request: MigrateRequest,
) -> Result<MigrateResponse, Failure> {
    let input = MigrateInput {
        unit: session::parse_unit(request.unit)?,
        revision: std::mem::take(&mut request.revision),
        entries: passwords::parse(std::mem::take(&mut request.passwords))?,
    };
    let token = Zeroizing::new(std::mem::take(&mut request.session_token));
    let session = service.session(token).await?;
    // From here on, the unit migration runs to its end, even if the RPC is cancelled.
    let worker = service.clone();
    service
        .shutdown
        .carry_through(async move { worker.migrate(&session, &input).await })
        .await
        .unwrap_or(Err(InternalFault(
            "the task of a unit migration ended without a result",
        )
        .into()))
}

/// OPS-3: true if the reason is a decision about the subscriber's request. False for a fault.
fn is_decision(reason: ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::PasswordChangeRequired
            | ErrorReason::MigrationNotOffered
            | ErrorReason::LineTooLarge
            | ErrorReason::StaleView
            | ErrorReason::AccountsNotReady
            | ErrorReason::PasswordWrong
            | ErrorReason::PasswordDead
            | ErrorReason::ChangedMeanwhile
    )
}

impl UnitMigration {
    async fn migrate(
        &self,
        session: &MigrationSession,
        input: &MigrateInput,
    ) -> Result<MigrateResponse, Failure> {
        let done = self.decide_and_migrate(session, input).await;
        let done = done.map_err(Refusal::from);
        let result = done.as_ref().map_or_else(Refusal::reason_name, |_| "DONE");
        MIGRATIONS.add(1, &[KeyValue::new("aikagi.result", result)]);
        if let Err(refusal) = &done
            && is_decision(refusal.reason())
        {
            let (reason, now) = (refusal.reason_name(), self.clock.now());
            self.store
                .note_refused_migration(&session.account, reason, now)
                .await?;
        }
        Ok(done?)
    }

    async fn decide_and_migrate(
        &self,
        session: &MigrationSession,
        input: &MigrateInput,
    ) -> Result<MigrateResponse, Failure> {
        let offer = self.offer(session, input.unit, self.clock.now()).await?;
        // SESS-5: the subscriber decided on a page that has become stale.
        if input.revision != offer.revision {
            return Err(Refusal::new(ErrorReason::StaleView).into());
        }
        passwords::check_numbers(&offer.plan, &input.entries)?;
        if !offer.unready.is_empty() {
            return Err(passwords::not_ready(&offer.unready, &input.entries).into());
        }
        let proven = self.verify(session, &input.entries).await?;
        let own = input
            .entries
            .iter()
            .find(|entry| entry.number == session.account)
            .ok_or(InternalFault(
                "the session's account is not among the entries",
            ))?;
        let hashes = self.hash_for_each(&offer.plan, &own.password).await?;
        let proven_migration = ProvenMigration {
            account: &session.account,
            stored: &offer.line.stored,
            plan: &offer.plan,
            proven: &proven,
            rules: &self.credential_rules,
        };
        let seal = |number: &TelephoneNumber, epoch| {
            let hash = hashes
                .get(number)
                .ok_or(InternalFault("no hash for an account of the new unit"))?;
            let context = Context::Permanent { number, epoch };
            Ok(self.keys.seal_hash(context, hash)?)
        };
        let done = self
            .store
            .migrate(&proven_migration, seal, self.clock.now())
            .await;
        // MIG-4: a conflict in the ledger means that another change came first.
        done.map_err(|failure| failure.conflict_as(ErrorReason::ChangedMeanwhile))?;
        Ok(MigrateResponse {
            logins: logins(&offer.plan),
        })
    }

    /// MIG-3, MIG-6: hashes the session's password for each account of the new unit, each time with a new salt.
    ///
    /// Each hash takes its own permit, and only a few hashes run in parallel. Between them, other RPCs get permits.
    async fn hash_for_each(
        &self,
        plan: &UnitMigrationPlan,
        password: &TypedPassword,
    ) -> Result<BTreeMap<TelephoneNumber, Hash>, Failure> {
        let numbers = plan.logins.iter().map(|login| &login.number);
        let hashes: Vec<_> = numbers
            .map(|number| self.hash_one(number, password).boxed())
            .collect();
        stream::iter(hashes)
            .buffer_unordered(self.bounds.parallel)
            .try_collect()
            .await
    }

    async fn hash_one(
        &self,
        number: &TelephoneNumber,
        password: &TypedPassword,
    ) -> Result<(TelephoneNumber, Hash), Failure> {
        let mut permit = self.pool.permit(deadline::current()).await?;
        let hash = permit.hash(SecretBytes::from(password.expose())).await?;
        Ok((number.clone(), hash))
    }
}
