//! Properties that must hold for any bytes that strangers send. Each check takes bytes and panics if a property does not
//! hold. The fuzzer looks for such bytes; a test replays the fuzzer's seeds.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a check reports a broken property by a panic"
)]

pub mod check;
