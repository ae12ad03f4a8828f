//! Tests of the whole edge and the whole gateway, with real TLS, a private Redis, and stubs of the services behind
//! them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests and their fixture"
)]

mod bounds;
mod connections;
mod envoy;
mod fixture;
mod grpc_web;
mod hostile;
mod limits;
mod operation;
mod private;
mod process;
mod public;
mod siege;
mod site;
mod stubs;
mod unit_migration;
mod web;
