//! The whole system for tests of its rules, on real stores. [`in_process`] runs all services in one process, with a clock that
//! the test sets. [`processes`] runs the real programs. [`collector`] keeps the telemetry that they send.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose system does not start fails"
)]

pub mod collector;
pub mod in_process;
pub mod processes;
