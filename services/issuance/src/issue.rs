//! Setting a temporary password: what both RPCs come to (architecture, section 4).

use std::sync::LazyLock;

use aikagi_domain::fault::InternalFault;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::Context;
use aikagi_hashing::{Permit, SecretBytes};
use aikagi_mesh::deadline;
use aikagi_mesh::telemetry::meters::{Counter, counter};
use aikagi_refusal::{Failure, Refusal};
use aikagi_ttl::temporary_passwords::TemporaryRecord;
use chrono::{DateTime, SubsecRound as _, Utc};

use crate::Issuance;
use crate::setting::SettingRequest;
use crate::store::Committed;

static ISSUED: LazyLock<Counter<u64>> =
    LazyLock::new(|| counter("aikagi.temporary_passwords.set", "Temporary passwords set."));

/// A temporary password that is set.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    /// The account.
    pub(crate) account: TelephoneNumber,
    /// When it ends (IVR-9).
    pub(crate) expires: DateTime<Utc>,
}

impl Issuance {
    /// INV-6, INV-10, INV-11: leave to hash; without it nothing is changed.
    pub(crate) async fn permit(&self) -> Result<Permit, Failure> {
        Ok(self.pool.permit(deadline::current()).await?)
    }

    /// IVR-9, IVR-10: hashes the password, makes it the account's credential in one transaction, then puts
    /// the hash where logins find it. If that last step fails the old password is retired and the new one
    /// does not work: closed, never open (INV-3).
    pub(crate) async fn issue(
        &self,
        mut permit: Permit,
        request: SettingRequest,
    ) -> Result<Issued, Failure> {
        let hash = permit
            .hash(SecretBytes::from(request.password.expose()))
            .await?;
        drop(permit);
        // Redis keeps milliseconds; both stores are to say the same.
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
            // Another call has replaced the password already.
            return Err(Refusal::unavailable().into());
        }
        ISSUED.add(1, &[]);
        Ok(Issued { account, expires })
    }

    /// Runs what must not be cut off by a caller that goes away: what is committed is also published, and
    /// answered.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.shutdown
            .carry_through(work)
            .await
            .unwrap_or(Err(InternalFault("a setting was cut off").into()))
    }
}
