//! Refusals and faults of RPCs, and their statuses (OPS-4).
//!
//! A service returns a [`Refusal`] or a fault. Only this crate turns either into a gRPC status with
//! `google.rpc` details. It also parses common fields of requests and refuses wrong ones.

mod failure;
pub mod fields;
pub mod first_of_minute;
mod reason;
mod refusal;
mod rpc_fault;
mod status;
mod table;

pub use failure::{Failure, forward, internal};
pub use reason::{ERROR_DOMAIN, ErrorReason, name_of};
pub use refusal::Refusal;
pub use rpc_fault::RpcFault;
pub use status::{metadata_of, reason_of};

/// Version 1 of the list of reasons.
pub mod v1 {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/aikagi.refusal.v1.rs"));
}
