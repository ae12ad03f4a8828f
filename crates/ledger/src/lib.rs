//! Access to PostgreSQL, which stores everything that must not be lost.
//!
//! This crate contains the schema, with the role and the grants of each service. It prepares a server, connects to it,
//! locks a line (INV-5) and appends to the audit trail (OPS-3). A statement that only one service needs is in that
//! service.

pub mod administration;
pub mod audit;
mod connect;
mod error;
mod executor;
pub mod line;
mod pool;
mod settings;
mod statement;
#[cfg(test)]
mod tests;

pub use connect::{DurabilityError, Ledger, Planning, check_durability};
pub use error::LedgerError;
pub use pool::{Connection, Transaction};
pub use settings::{Settings, SettingsError};
pub use statement::{Statement, span};

/// The schema migrations, which also create roles and grants. A landed schema migration is never edited.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Applies all schema migrations that the database does not have yet. Must run as the database's owner. Parallel runs
/// wait for each other.
pub async fn apply_schema(settings: &Settings) -> Result<(), SchemaError> {
    apply_schema_to(settings, None).await
}

/// Like [`apply_schema`], but stops at the schema version `last`, if given.
pub async fn apply_schema_to(settings: &Settings, last: Option<i64>) -> Result<(), SchemaError> {
    let pool = connect::for_schema(settings)?;
    match last {
        Some(last) => MIGRATOR.run_to(last, &pool).await?,
        None => MIGRATOR.run(&pool).await?,
    }
    pool.close().await;
    Ok(())
}

/// Why the schema migrations could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A schema migration failed, or the database has schema migrations that this version does not know.
    #[error("schema migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}
