//! Places in the search for an order.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::progress::{Progress, Situation};

/// The calls as bits.
pub(super) type Set = u128;

/// A place in the search.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) situation: Situation,
    pub(super) done: Set,
    /// The calls that are under way, in their order.
    pub(super) under_way: Vec<(usize, Progress)>,
    /// The calls that have happened without an answer, to be sent on again, and how often.
    pub(super) again: Vec<(usize, u8)>,
    path: Option<Rc<Path>>,
}

/// Which call took each step, the last first.
#[derive(Debug)]
pub(super) struct Path {
    call: usize,
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

    /// The same, with a step of a call to be taken.
    pub(super) fn after(&self, place: usize) -> Self {
        let mut next = self.clone();
        next.path = Some(Rc::new(Path {
            call: place,
            before: self.path.clone(),
        }));
        next.under_way.retain(|(other, _)| *other != place);
        next
    }

    pub(super) fn go_on(&mut self, place: usize, progress: Progress) {
        self.under_way.push((place, progress));
        self.under_way.sort_by_key(|(other, _)| *other);
    }

    pub(super) fn under_way(&self, place: usize) -> Option<&Progress> {
        let found = self.under_way.iter().find(|(other, _)| *other == place);
        found.map(|(_, progress)| progress)
    }

    pub(super) fn started(&self) -> Set {
        let under_way = self.under_way.iter().map(|(call, _)| bit(*call));
        under_way.fold(self.done, |started, bit| started | bit)
    }

    pub(super) fn tries(&self, call: usize) -> u8 {
        let again = self.again.iter().find(|(again, _)| *again == call);
        again.map_or(0, |(_, tries)| *tries)
    }

    pub(super) fn order(&self) -> Vec<usize> {
        let mut order = Vec::new();
        let mut path = self.path.as_ref();
        while let Some(step) = path {
            order.push(step.call);
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
