//! The chapters of the story. Each is independent of the others.

mod attempts;
mod mistakes;
mod operator;
mod unit_migrations;
mod units;

/// A temporary password.
const TEMPORARY: &str = "48151623";
/// Another temporary password.
const OTHER_TEMPORARY: &str = "27182818";
/// A permanent password.
const PERMANENT: &str = "Kagi2026x";
/// Another permanent password.
const OTHER_PERMANENT: &str = "Door88Open";
