//! The whole system under test. [`edge`] plays everybody outside (subscribers, IVR platforms, settings back
//! ends, operators) by the public contracts alone; [`world`] runs all services in one process on real stores
//! and a clock that the test sets; [`calls`] telephones through a real Asterisk; [`bench`] measures.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up fails"
)]

pub mod bench;
pub mod calls;
pub mod edge;
pub mod story;
pub mod world;
