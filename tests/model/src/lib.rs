//! The specification as a model: [`rules`] answers as the rules say, [`history`] judges by it what many clients did at
//! once. [`wire`] translates between the contracts' messages and the model's words, [`readable`] shows answers to people.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that has no verdict fails"
)]

pub mod history;
pub mod readable;
pub mod rules;
pub mod wire;
