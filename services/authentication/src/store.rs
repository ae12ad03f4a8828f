//! The SQL statements of this service. A statement and its audit event take one round trip.

mod accounts;
mod attempts;
mod charge;
mod decoys;
mod sessions;

use std::time::Duration;

use aikagi_domain::fault::Fault as _;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::audit::Refusals;
use aikagi_ledger::{Ledger, LedgerError, Statement as _};
use aikagi_mesh::background::BackgroundTask;
use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::shutdown::Shutdown;
use chrono::{DateTime, Utc};

pub(crate) use accounts::Account;
use accounts::AccountLookup;
pub(crate) use charge::{Charge, Charged, OpenCharge};

/// The interval between two cleanups of the list of ended sessions.
const CLEANUP_INTERVAL: Duration = Duration::from_mins(10);

/// The ledger, with the statements of this service. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    ledger: Ledger,
    accounts: AccountLookup,
    refusals: Refusals,
}

impl Store {
    /// Creates the store. It starts background tasks, so it must be called in a tokio runtime.
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self {
            accounts: AccountLookup::start(&ledger),
            refusals: Refusals::new(ledger.clone()),
            ledger,
        }
    }

    /// The counts of repeated refusals.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Returns the account of a session. Its state also says if the session was ended permanently. `None` if the number
    /// is on no line.
    pub(crate) async fn account(
        &self,
        number: &TelephoneNumber,
        digest: &TokenDigest,
    ) -> Result<Option<Account>, LedgerError> {
        self.accounts.find(number, digest).await
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Removes expired sessions from the list of ended sessions, every [`CLEANUP_INTERVAL`] until shutdown.
    pub(crate) fn start_cleanup(&self, clock: SharedClock, shutdown: &Shutdown) {
        let (store, shutdown) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            let mut task = BackgroundTask::new("ended_sessions_cleanup");
            loop {
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(CLEANUP_INTERVAL) => {}
                }
                let removed = store.remove_expired_sessions(clock.now()).await;
                task.record(removed.map_err(|fault| fault.cause().error_type));
            }
        });
    }

    /// Removes the sessions that expired before `now` from the list of ended sessions.
    pub(crate) async fn remove_expired_sessions(
        &self,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        sqlx::query!("DELETE FROM ended_sessions WHERE expires_time < $1", now)
            .execute(&self.ledger)
            .statement("remove_expired_sessions", "ended_sessions")
            .await?;
        Ok(())
    }
}
