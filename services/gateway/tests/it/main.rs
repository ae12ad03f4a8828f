//! The gateway as a whole: real TLS, a Redis of the test's own, and stubs of the services behind.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, and what they share"
)]

mod envoy;
mod hostile;
mod limits;
mod migration;
mod operation;
mod private;
mod public;
mod stubs;
mod web;
mod world;
