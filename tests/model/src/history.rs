//! Histories of concurrent operations, and a checker that decides if the rules explain them.
//!
//! The rules explain a history if there is an order of all steps in which the model gives every
//! response that was received. An operation takes its steps ([`crate::rules::Steps`]) between its
//! request and its response. Between these steps, other operations may take theirs. An operation whose
//! response was lost may have happened as a whole, in part, or not at all. The search uses the
//! algorithm of Wing and Gong. Like Lowe's version of the algorithm, it remembers the nodes that it
//! has tried.
//!
//! [`Operation`] lists the operations of clients, and [`Situation`] performs them on the model.
//! [`Recorder`] records what clients saw. [`Rounds`] judges the records round by round, and
//! [`tell`] prints them for people.

mod checker;
mod node;
mod operation;
mod progress;
mod record;
mod rounds;
pub mod tell;
#[cfg(test)]
mod tests;

pub use operation::{Event, Observed, Operation, Response};
pub use progress::Situation;
pub use record::{RecordedOperation, Recorder, Tick};
pub use rounds::{Rounds, Verdict};
