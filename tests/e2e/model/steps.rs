//! Operations in steps: what each does at one moment, or sees. Others may take theirs in between.

use std::fmt::Debug;
use std::hash::Hash;

use super::{Answer, Model};

/// What comes of a step.
#[derive(Debug)]
pub(crate) enum Next<S, T> {
    /// More.
    Goes(S),
    /// The end.
    Answers(Answer<T>),
}

/// An operation as far as it has come.
pub(crate) trait Steps: Debug + Clone + Eq + Hash {
    /// What is told when it is done.
    type Told;

    /// Takes the next step.
    fn step(self, model: &mut Model) -> Next<Self, Self::Told>;

    /// LOGIN-4: what the next step stands on is away, and the attempt that was charged for it is given back. None when
    /// it is no such step.
    fn fail(self, _model: &mut Model) -> Option<Self> {
        None
    }
}

impl Model {
    /// All steps of an operation, with nobody else about.
    pub(super) fn alone<S: Steps>(&mut self, mut operation: S) -> Answer<S::Told> {
        loop {
            match operation.step(self) {
                Next::Goes(on) => operation = on,
                Next::Answers(answer) => return answer,
            }
        }
    }
}
