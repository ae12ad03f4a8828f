//! The specification as a model. [`rules`] performs operations as the rules say. [`history`] checks
//! what concurrent clients saw against these rules. [`wire`] translates between the contracts'
//! messages and the model's types. [`readable`] prints responses for people.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "if the model cannot reach a verdict, the test must fail"
)]

pub mod history;
pub mod readable;
pub mod rules;
pub mod wire;
