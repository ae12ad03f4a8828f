//! The statements that this service alone needs. None reads a hash: the role may not.

pub(crate) mod audit;
pub(crate) mod directory;
pub(crate) mod import;
pub(crate) mod lines;
pub(crate) mod migration;

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::{Ledger, LedgerError};
use sqlx::{Postgres, Transaction};

/// The ledger, as this service sees it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    ledger: Ledger,
}

impl Store {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Everything read in it is of one moment.
    async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, LedgerError> {
        self.ledger.begin_snapshot().await
    }
}

/// Numbers as messages and statements have them.
pub(crate) fn texts<'a>(numbers: impl IntoIterator<Item = &'a TelephoneNumber>) -> Vec<String> {
    let texts = numbers.into_iter().map(|number| number.as_str().to_owned());
    texts.collect()
}
