//! The rules of Aikagi's specification as pure functions.
//!
//! This crate does no I/O, has no async code and reads no clock and no random source. The caller
//! passes in what a rule needs; the rule returns its decision as a value. The code that implements a
//! rule cites the rule's id.

pub mod audit_chain;
pub mod credential;
pub mod dialog;
pub mod directory;
pub mod duration_text;
pub mod explanation;
pub mod fault;
pub mod guidance;
pub mod limit;

pub mod password;
mod secret;
pub mod session;
pub mod telephone;
pub mod unit;
pub mod unit_migration;
