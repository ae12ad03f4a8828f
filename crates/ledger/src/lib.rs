//! PostgreSQL: what must not be lost. Migrations with the role and the grants of every service, the connection,
//! a line with its lock (INV-5) and the audit trail (OPS-3). A statement that one service alone needs lives with
//! that service.

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

/// The schema, its roles and grants, step by step. A step that has landed is never edited.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Brings a database up to date, as its owner. What is there already is left alone, and two at once wait for
/// each other.
pub async fn apply_schema(settings: &Settings) -> Result<(), SchemaError> {
    apply_schema_to(settings, None).await
}

/// As [`apply_schema`], but no further than the step of this number, if there is one: the schema of an earlier version.
pub async fn apply_schema_to(settings: &Settings, last: Option<i64>) -> Result<(), SchemaError> {
    let pool = connect::for_schema(settings)?;
    match last {
        Some(last) => MIGRATOR.run_to(last, &pool).await?,
        None => MIGRATOR.run(&pool).await?,
    }
    pool.close().await;
    Ok(())
}

/// A database that could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A step failed, or the database has steps that this version does not know.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}
