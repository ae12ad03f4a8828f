//! The statements that this service alone needs. Each is one round trip, and carries its audit event.

mod accounts;
mod attempts;
mod sessions;

use std::time::Duration;

use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::LedgerError;
use aikagi_ledger::statement;
use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::shutdown::Shutdown;
use sqlx::PgPool;
use tracing::Instrument as _;

pub(crate) use accounts::Account;
use accounts::Accounts;
pub(crate) use attempts::{Charge, Charged};

/// How often ended sessions whose time is over are forgotten.
const TIDY: Duration = Duration::from_mins(10);

/// The ledger, as this service sees it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: PgPool,
    accounts: Accounts,
}

impl Store {
    /// A ledger through these connections. It works in the background: there has to be a runtime.
    pub(crate) fn new(pool: PgPool) -> Self {
        let accounts = Accounts::of(&pool);
        Self { pool, accounts }
    }

    /// The account of a session, and whether the session was ended for good; none where the number is on no line.
    pub(crate) async fn account(
        &self,
        number: &TelephoneNumber,
        digest: &TokenDigest,
    ) -> Result<Option<Account>, LedgerError> {
        self.accounts.find(number, digest).await
    }

    pub(crate) async fn check(&self) -> Result<(), LedgerError> {
        aikagi_ledger::check(&self.pool).await
    }

    /// Forgets ended sessions whose time is over, now and then until the stop.
    pub(crate) fn keep_tidy(&self, clock: SharedClock, shutdown: &Shutdown) {
        let (store, shutdown) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(TIDY) => {}
                }
                let forgotten = sqlx::query!(
                    "DELETE FROM ended_sessions WHERE expires_time < $1",
                    clock.now()
                )
                .execute(&store.pool)
                .instrument(statement("keep_tidy", "ended_sessions"))
                .await;
                if let Err(error) = forgotten {
                    tracing::warn!(error = %LedgerError::from(error), "ended sessions were not tidied up");
                }
            }
        });
    }
}
