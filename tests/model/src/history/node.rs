//! A node of the search: one possible situation of the model, with the progress of each operation.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::progress::{Progress, Situation};

/// A set of operations, one bit for each.
pub(super) type Set = u128;

/// A node of the search.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) situation: Situation,
    pub(super) done: Set,
    /// The operations in progress, by their positions in the history.
    pub(super) under_way: Vec<(usize, Progress)>,
    /// The operations that took effect but will be retried, with the number of times each was sent.
    pub(super) again: Vec<(usize, u8)>,
    path: Option<Rc<Path>>,
}

/// The operation that took each step, as a linked list from the last step to the first.
#[derive(Debug)]
pub(super) struct Path {
    place: usize,
    before: Option<Rc<Path>>,
}

impl Node {
    pub(super) fn at(situation: &Situation) -> Self {
        Self {
            situation: situation.clone(),
            done: 0,
            under_way: Vec::new(),
            again: Vec::new(),
            path: None,
        }
    }

    pub(super) fn fingerprint(&self) -> u64 {
        fingerprint(&(&self.situation, self.done, &self.under_way, &self.again))
    }

    /// The node in which the operation has taken another step. The caller then adds the effect of that step.
    pub(super) fn after(&self, place: usize) -> Self {
        let mut next = self.clone();
        next.path = Some(Rc::new(Path {
            place,
            before: self.path.clone(),
        }));
        next.under_way.retain(|(other, _)| *other != place);
        next
    }

    pub(super) fn keep(&mut self, place: usize, progress: Progress) {
        self.under_way.push((place, progress));
        self.under_way.sort_by_key(|(other, _)| *other);
    }

    pub(super) fn under_way(&self, place: usize) -> Option<&Progress> {
        let found = self.under_way.iter().find(|(other, _)| *other == place);
        found.map(|(_, progress)| progress)
    }

    pub(super) fn started(&self) -> Set {
        let under_way = self.under_way.iter().map(|(place, _)| bit(*place));
        under_way.fold(self.done, |started, bit| started | bit)
    }

    pub(super) fn tries(&self, place: usize) -> u8 {
        let again = self.again.iter().find(|(again, _)| *again == place);
        again.map_or(0, |(_, tries)| *tries)
    }

    pub(super) fn order(&self) -> Vec<usize> {
        let mut order = Vec::new();
        let mut path = self.path.as_ref();
        while let Some(step) = path {
            order.push(step.place);
            path = step.before.as_ref();
        }
        order.reverse();
        order
    }
}

pub(super) fn fingerprint(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

pub(super) fn bit(place: usize) -> Set {
    1 << place
}
