//! Lines in bulk, for operators (OPS-1): each row is a line, added whole or not at all.
//!
//! [`import_lines`] is the RPC, [`row`] reads one row, [`crate::store::import`] adds a batch.

pub(crate) mod import_lines;
pub(crate) mod row;
