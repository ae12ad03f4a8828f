//! A change of the auth unit, all or nothing (MIG-1 to MIG-7).

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
use aikagi_mesh::telemetry::meters::{Counter, KeyValue, counter};
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use zeroize::Zeroizing;

use super::proofs::{self, Entered};
use super::session::{self, Opened};
use super::{Migrations, logins};
use crate::store::migration::Decided;

static MIGRATIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.unit_migrations",
        "Changes of the auth unit, by what came of them.",
    )
});

/// What a subscriber wants, read.
struct Wanted {
    unit: AuthUnit,
    revision: String,
    entries: Vec<Entered>,
}

pub(crate) async fn migrate(
    service: &Migrations,
    mut request: MigrateRequest,
) -> Result<MigrateResponse, Failure> {
    let wanted = Wanted {
        unit: session::wanted(request.unit)?,
        revision: std::mem::take(&mut request.revision),
        entries: proofs::entered(std::mem::take(&mut request.passwords))?,
    };
    let token = Zeroizing::new(std::mem::take(&mut request.session_token));
    let session = service.session(token).await?;
    // From here on the change is decided: what is begun is ended, whatever the caller does.
    let worker = service.clone();
    service
        .shutdown
        .carry_through(async move { worker.migrate(&session, &wanted).await })
        .await
        .unwrap_or(Err(InternalFault("a migration was cut off").into()))
}

/// OPS-3: whether a refusal says no to the subscriber, rather than that it could not be decided.
fn is_decision(reason: ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::PasswordChangeRequired
            | ErrorReason::MigrationNotOffered
            | ErrorReason::StaleView
            | ErrorReason::AccountsNotReady
            | ErrorReason::PasswordWrong
            | ErrorReason::PasswordDead
            | ErrorReason::ChangedMeanwhile
    )
}

impl Migrations {
    async fn migrate(&self, session: &Opened, wanted: &Wanted) -> Result<MigrateResponse, Failure> {
        let done = self.decide_and_migrate(session, wanted).await;
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
        session: &Opened,
        wanted: &Wanted,
    ) -> Result<MigrateResponse, Failure> {
        let offer = self.offer(session, wanted.unit, self.clock.now()).await?;
        // SESS-5.
        if wanted.revision != offer.revision {
            return Err(Refusal::new(ErrorReason::StaleView).into());
        }
        proofs::check_numbers(&offer.plan, &wanted.entries)?;
        if !offer.unready.is_empty() {
            return Err(proofs::not_ready(&offer.unready, &wanted.entries).into());
        }
        let proven = self.verify(session, &wanted.entries).await?;
        let own = wanted
            .entries
            .iter()
            .find(|entry| entry.number == session.account)
            .ok_or(InternalFault("a session of no account"))?;
        let hashes = self.hash_for_each(&offer.plan, &own.password).await?;
        let decided = Decided {
            account: &session.account,
            stored: &offer.seen.stored,
            plan: &offer.plan,
            proven: &proven,
            rules: &self.credential_rules,
        };
        let seal = |number: &TelephoneNumber, epoch| {
            let hash = hashes
                .get(number)
                .ok_or(InternalFault("an account without a hash"))?;
            let context = Context::Permanent { number, epoch };
            Ok(self.keys.seal_hash(context, hash)?)
        };
        let done = self.store.migrate(&decided, seal, self.clock.now()).await;
        // MIG-4: a change that held the line for too long came first.
        done.map_err(|failure| failure.conflict_as(ErrorReason::ChangedMeanwhile))?;
        Ok(MigrateResponse {
            logins: logins(&offer.plan),
        })
    }

    /// MIG-3, MIG-6: the session's own password for every account of the new unit, each with its own salt. Each
    /// waits its turn for the pool, so that a long line does not keep others from it.
    async fn hash_for_each(
        &self,
        plan: &UnitMigrationPlan,
        password: &TypedPassword,
    ) -> Result<BTreeMap<TelephoneNumber, Hash>, Failure> {
        let mut hashes = BTreeMap::new();
        for login in &plan.logins {
            let mut permit = self.pool.permit(deadline::current()).await?;
            let hash = permit.hash(SecretBytes::from(password.expose())).await?;
            hashes.insert(login.number.clone(), hash);
        }
        Ok(hashes)
    }
}
