//! The rules of Aikagi (the specification), pure: no I/O, no async, no clock and no randomness of their
//! own. What a rule needs is an argument; what it decides is a value. Each rule is cited by its id
//! where it lives.

pub mod audit_chain;
pub mod credential;
pub mod dialog;
pub mod directory;
pub mod duration_text;
pub mod explanation;
pub mod guidance;
pub mod limit;

pub mod password;
mod secret;
pub mod session;
pub mod telephone;
pub mod unit;
pub mod unit_migration;
