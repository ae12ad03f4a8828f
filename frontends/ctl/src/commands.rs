//! One module for each command.

pub(crate) mod audit;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod generate;
pub(crate) mod healthcheck;
pub(crate) mod import;
pub(crate) mod line;
pub(crate) mod number;
pub(crate) mod sessions;

use crate::error::{CommandError, ExitKind};

/// A part of an answer that the contract promises.
fn promised<T>(part: Option<T>) -> Result<T, CommandError> {
    part.ok_or_else(|| CommandError::new(ExitKind::Fault, "the answer is not complete"))
}
