//! The statements that this service alone needs. None reads a hash: the role may not.

pub(crate) mod audit;
pub(crate) mod directory;
pub(crate) mod import;
pub(crate) mod lines;
pub(crate) mod migration;

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::LedgerError;
use sqlx::{PgPool, Postgres, Transaction};

/// The ledger, as this service sees it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: PgPool,
}

impl Store {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) async fn check(&self) -> Result<(), LedgerError> {
        aikagi_ledger::check(&self.pool).await
    }

    /// Everything read in it is of one moment.
    async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, LedgerError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        Ok(self.pool.begin_with(begin).await?)
    }
}

/// Numbers as messages and statements have them.
pub(crate) fn texts<'a>(numbers: impl IntoIterator<Item = &'a TelephoneNumber>) -> Vec<String> {
    let texts = numbers.into_iter().map(|number| number.as_str().to_owned());
    texts.collect()
}
