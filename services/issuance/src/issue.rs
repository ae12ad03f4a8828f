//! The code that both RPCs share to set a temporary password (architecture, section 4).

use std::sync::LazyLock;

use aikagi_domain::fault::InternalFault;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::Context;
use aikagi_hashing::{Permit, SecretBytes};
use aikagi_mesh::deadline;
use aikagi_mesh::telemetry::metrics::{Counter, counter};
use aikagi_refusal::{Failure, Refusal};
use aikagi_ttl::temporary_passwords::TemporaryRecord;
use chrono::{DateTime, SubsecRound as _, Utc};

use crate::Issuance;
use crate::setting::SettingRequest;
use crate::store::Committed;

static ISSUED: LazyLock<Counter<u64>> =
    LazyLock::new(|| counter("aikagi.temporary_passwords.set", "Temporary passwords set."));

/// A temporary password that was set.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    /// The account.
    pub(crate) account: TelephoneNumber,
    /// When it expires (IVR-9).
    pub(crate) expires: DateTime<Utc>,
}

impl Issuance {
    /// INV-6, INV-10, INV-11: waits for a permit to hash. Without a permit, the RPC fails and changes nothing.
    pub(crate) async fn permit(&self) -> Result<Permit, Failure> {
        Ok(self.pool.permit(deadline::current()).await?)
    }

    /// IVR-9, IVR-10: hashes the password, makes it the account's credential in one transaction, and then stores the
    /// hash in Redis.
    ///
    /// If Redis fails, the old password is already retired and the new one does not work. The caller must dial again.
    /// No old password becomes valid (INV-3).
    pub(crate) async fn issue(
        &self,
        mut permit: Permit,
        request: SettingRequest,
    ) -> Result<Issued, Failure> {
        let hash = permit
            .hash(SecretBytes::from(request.password.expose()))
            .await?;
        drop(permit);
        // Redis stores times in milliseconds, and both stores must have the same time.
        let now = self.clock.now().trunc_subsecs(3);
        let expires = self.rules.temporary_expires(now);
        let Committed { account, epoch } = self.store.set_temporary(&request, now, expires).await?;
        let context = Context::Temporary {
            number: &account,
            epoch,
        };
        let sealed_hash = self.keys.seal_hash(context, &hash)?;
        let record = TemporaryRecord {
            epoch,
            sealed_hash,
            expires,
        };
        if !self
            .ttl
            .temporary_passwords()
            .put(&account, &record, self.clock.now())
            .await?
        {
            // A later call has already replaced the password.
            return Err(Refusal::unavailable().into());
        }
        ISSUED.add(1, &[]);
        Ok(Issued { account, expires })
    }

    /// Runs work to its end, even if the RPC is cancelled. So a committed password also gets into Redis, and the
    /// response gets into the call's record.
    pub(crate) async fn uninterrupted<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.shutdown
            .carry_through(work)
            .await
            .unwrap_or(Err(InternalFault(
                "the task that sets a temporary password ended without a result",
            )
            .into()))
    }
}
