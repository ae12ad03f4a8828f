//! One module for each command.

pub(crate) mod audit;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod generate;
pub(crate) mod healthcheck;
pub mod import;
pub(crate) mod line;
pub(crate) mod number;
pub(crate) mod sessions;

use crate::error::{CommandError, ExitKind};

/// Unwraps a field that the contract requires in a response. A missing field is a fault.
fn required<T>(field: Option<T>) -> Result<T, CommandError> {
    field.ok_or_else(|| CommandError::new(ExitKind::Fault, "the response is incomplete"))
}
