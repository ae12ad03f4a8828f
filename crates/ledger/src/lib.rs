//! PostgreSQL: what must not be lost. The schema with the role and the grants of every service, the preparation of a
//! server, the connection, a line with its lock (INV-5) and the audit trail (OPS-3). A statement that only one service
//! needs is in that service.

pub mod administration;
pub mod audit;
mod connect;
mod error;
pub mod line;
mod settings;
mod statement;
#[cfg(test)]
mod tests;

pub use connect::{DurabilityError, Planning, check, check_durability, connect};
pub use error::LedgerError;
pub use settings::{Settings, SettingsError};
pub use statement::statement;

/// The schema migrations, which make the tables, roles and grants. One that has landed is never edited.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Applies the schema migrations that the database does not have yet, as its owner. Two at the same time wait for each
/// other.
pub async fn apply_schema(settings: &Settings) -> Result<(), SchemaError> {
    apply_schema_to(settings, None).await
}

/// As [`apply_schema`], up to the schema version `last`, if it is given: the schema of an earlier release.
pub async fn apply_schema_to(settings: &Settings, last: Option<i64>) -> Result<(), SchemaError> {
    let pool = connect::for_schema(settings)?;
    match last {
        Some(last) => MIGRATOR.run_to(last, &pool).await?,
        None => MIGRATOR.run(&pool).await?,
    }
    pool.close().await;
    Ok(())
}

/// Why a database does not have the schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A schema migration failed, or the database has one that this version does not know.
    #[error("schema migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}
