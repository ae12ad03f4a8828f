//! The SQL statements of this service. No statement reads a hash: the role has no right to read one.

pub(crate) mod activity;
mod archive;
pub(crate) mod audit;
pub(crate) mod directory;
pub(crate) mod import;
pub(crate) mod lines;
pub(crate) mod unit_migration;

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::audit::Refusals;
use aikagi_ledger::{Ledger, LedgerError, Transaction};

/// The ledger, with the statements of this service. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    ledger: Ledger,
    refusals: Refusals,
}

impl Store {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self {
            refusals: Refusals::new(ledger.clone()),
            ledger,
        }
    }

    /// The counts of repeated refusals.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// The ledger, for the health checks.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Begins a transaction whose statements all see the same snapshot of the ledger.
    async fn snapshot(&self) -> Result<Transaction, LedgerError> {
        self.ledger.begin_snapshot().await
    }
}

/// Numbers as text, for messages and statements.
pub(crate) fn texts<'a>(numbers: impl IntoIterator<Item = &'a TelephoneNumber>) -> Vec<String> {
    let texts = numbers.into_iter().map(|number| number.as_str().to_owned());
    texts.collect()
}
