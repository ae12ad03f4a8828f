//! The rules of the specification, proven on the whole system with real parts. One module for each section;
//! each test names its rules.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod abuse;
mod agreement;
mod callers;
mod certificates;
mod collector;
mod command_line;
mod concurrency;
mod directory;
mod faults;
mod halfway;
mod history;
mod invariants;
mod issuance;
mod kills;
mod live;
mod lockout;
mod login;
mod migration;
mod model;
mod outages;
mod password;
mod plain;
mod requests;
mod secrets;
mod sessions;
mod startup;
mod telemetry;
mod telephone;
mod units;
mod words;
