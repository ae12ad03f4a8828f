//! Tests that run `aikagictl` as a process against a stub of the gateway. They check its requests, its output, the
//! files that it writes and its exit codes.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests and their common code"
)]

mod audit;
mod connection;
mod directory;
mod fixture;
mod import;
mod stub;
