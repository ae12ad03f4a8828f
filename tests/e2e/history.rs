//! Histories of what many did at once, and whether the rules explain them.
//!
//! A history is explained when the operations can be put into an order in which the model gives every answer that was
//! received. An operation is not one moment: it takes its steps ([`crate::model::Steps`]) between its call and its
//! answer, others between them (Wing and Gong's search, with Lowe's memory of what was tried). One whose answer was
//! lost may have happened, in part or as a whole, or not.
//!
//! [`operation`] is what can be done, [`progress`] how the model does it; [`record`] is what was seen; [`checker`] judges
//! it, [`rounds`] piece by piece; [`tell`] shows it to people.

mod checker;
mod node;
pub(crate) mod operation;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod rounds;
pub(crate) mod tell;
mod tests;

pub(crate) use operation::{Event, Operation, Said, Told};
pub(crate) use progress::Situation;
pub(crate) use record::{Call, Recorder};
pub(crate) use rounds::{Rounds, Verdict};
