//! Rust clients for everyone outside the system: [`subscriber`], [`ivr`], [`backend`] and
//! [`operator`]. They use only the public contracts, over TLS. Outside workloads show a
//! client certificate. Tests, the demo and the benchmarks use these clients.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "a test fails if a response lacks a field that the contract promises"
)]

pub mod backend;
pub mod connection;
pub mod ivr;
pub mod operator;
pub mod running_system;
pub mod samples;
pub mod subscriber;

pub use backend::Backend;
pub use connection::{Files, connect};
pub use ivr::{Asked, Call, Ivr, asked, call_id, guidance};
pub use operator::Operator;
pub use running_system::RunningSystem;
pub use subscriber::{LoggedIn, Site, bearing};

use tonic::Status;

/// The name of the reason in a refusal, or `none` if the status has no reason.
pub fn reason(status: &Status) -> &'static str {
    aikagi_refusal::reason_of(status).map_or("none", aikagi_refusal::name_of)
}

/// The name of the reason of an RPC that must be refused.
///
/// # Panics
/// If the RPC succeeded.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> &'static str {
    reason(&answer.expect_err("the RPC must be refused"))
}
