//! Properties that must be true for any bytes that an attacker can send.
//!
//! A check takes bytes and panics if a property is false. The fuzzer searches for such bytes. A test
//! replays the fuzzer's seeds.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a check panics if a property is false"
)]

pub mod check;
