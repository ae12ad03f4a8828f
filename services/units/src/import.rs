//! Bulk import of lines, for operators (OPS-1). Each row is one line. It is added completely or not at all.
//!
//! [`import_lines`] is the RPC. [`row`] reads one row. [`queue`] keeps the order of parallel batches.
//! [`crate::store::import`] adds a batch.

pub(crate) mod import_lines;
mod queue;
pub(crate) mod row;
