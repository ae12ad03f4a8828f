//! Operations as steps. A step happens at one moment. Steps of other operations may come between
//! two steps.

use std::fmt::Debug;
use std::hash::Hash;

use super::{Answer, Model};

/// The result of a step.
#[derive(Debug)]
pub enum Next<S, T> {
    /// The operation continues.
    Continues(S),
    /// The operation has ended.
    Answers(Answer<T>),
}

/// An operation in progress.
pub trait Steps: Debug + Clone + Eq + Hash {
    /// The result of a successful operation.
    type Output;

    /// Takes the next step.
    fn step(self, model: &mut Model) -> Next<Self, Self::Output>;

    /// LOGIN-4: makes the dependency of the next step fail, and refunds the charge of the attempt.
    /// `None` if a fault at this step refunds nothing.
    fn fail(self, _model: &mut Model) -> Option<Self> {
        None
    }
}

impl Model {
    /// Takes all steps of an operation, without any other operation in between.
    pub(super) fn alone<S: Steps>(&mut self, mut operation: S) -> Answer<S::Output> {
        loop {
            match operation.step(self) {
                Next::Continues(on) => operation = on,
                Next::Answers(answer) => return answer,
            }
        }
    }
}
