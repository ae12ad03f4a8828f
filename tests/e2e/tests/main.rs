//! Tests of the specification's rules on the whole system with real stores. The doc comment of each test names its rules.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod abuse;
mod activity;
mod agreement;
mod callers;
mod causes;
mod certificates;
mod command_line;
mod concurrency;
mod directory;
mod faults;
mod halfway;
mod invariants;
mod issuance;
mod ivr;
mod kills;
mod lockout;
mod login;
mod outages;
mod password;
mod requests;
mod secrets;
mod sessions;
mod startup;
mod telemetry;
mod unit_migration;
mod units;
