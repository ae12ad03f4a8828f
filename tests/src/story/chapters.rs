//! The chapters: each is a part of the story that could be told alone.

mod attempts;
mod desk;
mod migrations;
mod mistakes;
mod units;

/// A temporary password.
const TEMPORARY: &str = "48151623";
/// Another.
const OTHER_TEMPORARY: &str = "27182818";
/// A permanent password.
const PERMANENT: &str = "Kagi2026x";
/// Another.
const OTHER_PERMANENT: &str = "Door88Open";
