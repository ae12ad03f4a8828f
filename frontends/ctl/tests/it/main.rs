//! `aikagictl` as a process, against a gateway that this process plays: what it asks, prints, leaves behind and
//! exits with.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, and what they share"
)]

mod audit;
mod connection;
mod directory;
mod fixture;
mod import;
mod stub;
