//! Lines in bulk, for operators (OPS-1): each row is a line, added whole or not at all.
//!
//! [`import_lines`] is the RPC, [`row`] reads one row, [`queue`] keeps their order,
//! [`crate::store::import`] adds a batch.

pub(crate) mod import_lines;
mod queue;
pub(crate) mod row;
