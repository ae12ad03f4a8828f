//! Whether a history is explained: a search for an order of all steps.

use std::collections::HashSet;
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::node::{Node, Set, bit, fingerprint};
use super::operation::{Operation, Said};
use super::progress::{Progress, Situation, Step};
use super::record::Call;
use super::tell;
use crate::model::Model;

/// Calls that can be judged at once.
const MOST: usize = 128;
/// Places that are looked at before the search begins anew, in another order; each time half as many more. One that has
/// gone astray early would look at all that follows from there, where others find the end at once.
const PATIENCE: usize = 2_000;
/// How often a call is sent on at most, by those between the caller and the system.
const MAX_TRIES: u8 = 3;

/// What a look may have found only later: such a call is not to look at once.
const LOOKED_IN_VAIN: [&str; 6] = [
    "SESSION_ENDED",
    "STALE_VIEW",
    "PASSWORD_CHANGE_REQUIRED",
    "MIGRATION_NOT_OFFERED",
    "ACCOUNTS_NOT_READY",
    "INVALID_FIELD",
];

/// What a search comes to.
#[derive(Debug)]
pub(super) enum Found {
    /// It can have ended in this situation.
    End(Box<Situation>),
    /// There is no other one.
    Nothing,
    /// As many places were looked at as were allowed.
    TooTangled,
}

/// The search for orders that explain a history. It finds one after another, the likely ones first.
///
/// Every call is explained by itself: by each step of it at a moment between its call and its answer. What was answered
/// before another call began came before all of that one. A call without an answer ends anywhere.
pub(crate) struct Search {
    calls: Vec<Call>,
    /// In which they are tried, the likely ones last.
    order: Vec<usize>,
    /// Those with an answer.
    answered: Set,
    /// Of each call, those that were answered before it began.
    before: Vec<Set>,
    /// Of each call, those that began after it had ended.
    after: Vec<Set>,
    /// Of each call, whether with its beginning nothing comes any more of some that were lost.
    ends_a_lost_one: Vec<bool>,
    /// Those after which what has a TTL can be gone.
    losses: Set,
    /// In which it may have begun.
    begun: Vec<Situation>,
    stack: Vec<Node>,
    tried: HashSet<u64>,
    patience: usize,
    rng: StdRng,
    ends: HashSet<u64>,
    furthest: Option<Node>,
}

impl Search {
    /// Of a history that begins nowhere yet.
    pub(crate) fn of(calls: Vec<Call>) -> Self {
        assert!(calls.len() <= MOST, "{} calls at once", calls.len());
        let set = |which: &dyn Fn(&Call) -> bool| {
            let places = calls.iter().enumerate();
            let chosen = places.filter(|(_, call)| which(call));
            chosen.fold(0, |set, (place, _)| set | bit(place))
        };
        let before = |call: &Call| set(&|other| other.said.is_some() && other.ended < call.begun);
        let after = |call: &Call| set(&|other| other.begun > call.ended);
        let ends = |call: &Call| {
            let mut others = calls.iter();
            others.any(|other| other.said.is_none() && other.ended < call.begun)
        };
        let mut search = Self {
            order: (0..calls.len()).collect(),
            answered: set(&|call| call.said.is_some()),
            before: calls.iter().map(before).collect(),
            after: calls.iter().map(after).collect(),
            ends_a_lost_one: calls.iter().map(ends).collect(),
            losses: set(&|call| call.operation.loses_the_cache()),
            begun: Vec::new(),
            stack: Vec::new(),
            tried: HashSet::new(),
            patience: PATIENCE,
            rng: StdRng::seed_from_u64(0),
            ends: HashSet::new(),
            furthest: None,
            calls,
        };
        search.put_in_order(0);
        search
    }

    /// Tries those first that were answered first, give or take so many moments, and those without an answer last.
    fn put_in_order(&mut self, give_or_take: usize) {
        let Self { calls, rng, .. } = self;
        self.order.sort_by_cached_key(|place| {
            let call = &calls[*place];
            let likely = call.ended + rng.random_range(0..=give_or_take);
            (call.said.is_some(), std::cmp::Reverse(likely))
        });
    }

    /// Begins anew, in another order.
    fn begin_anew(&mut self) {
        self.tried.clear();
        self.patience += self.patience / 2;
        self.put_in_order(self.calls.len());
        self.stack = self.begun.iter().map(Node::at).collect();
    }

    /// It may have begun in this situation too.
    pub(super) fn begin(&mut self, situation: Situation) {
        self.stack.push(Node::at(&situation));
        self.begun.push(situation);
    }

    /// Another situation in which it can have ended. `places` is how many may be looked at, and how many are left.
    pub(super) fn next_end(&mut self, places: &mut usize) -> Found {
        while let Some(node) = self.stack.pop() {
            if !self.tried.insert(node.fingerprint()) {
                continue;
            }
            if *places == 0 {
                return Found::TooTangled;
            }
            *places -= 1;
            if self.tried.len() > self.patience {
                self.begin_anew();
                continue;
            }
            match self.looked(&node) {
                Some(next) => self.stack.push(next),
                None => {
                    for index in 0..self.order.len() {
                        self.go_on(&node, self.order[index]);
                    }
                }
            }
            let is_further = self.furthest.as_ref();
            if is_further.is_none_or(|furthest| self.explained(&node) > self.explained(furthest)) {
                self.furthest = Some(node.clone());
            }
            let is_end = node.done & self.answered == self.answered;
            if is_end && self.ends.insert(fingerprint(&node.situation)) {
                return Found::End(Box::new(node.situation));
            }
        }
        Found::Nothing
    }

    fn explained(&self, node: &Node) -> u32 {
        (node.done & self.answered).count_ones()
    }

    /// After a step that is only a look, and finds what the answer needs: no order is lost by taking it now.
    ///
    /// While the cache may still be lost, a look may have found nothing only because it came after that.
    fn looked(&self, node: &Node) -> Option<Node> {
        if self.losses & !node.done != 0 {
            return None;
        }
        let looks = |place: &usize| {
            let call = &self.calls[*place];
            let progress = self.progress(node, *place)?;
            let is_lost = call.said.is_none();
            if self.ends_a_lost_one[*place] || !progress.only_looks(&node.situation.model) {
                return None;
            }
            if matches!(&call.said, Some(Err(refused)) if LOOKED_IN_VAIN.contains(&refused.reason))
            {
                return None;
            }
            let mut next = node.after(*place);
            if is_lost && call.is_troubled {
                let mut model = next.situation.model.clone();
                if progress.clone().fail(&mut model).is_some() {
                    return None;
                }
            }
            match next.situation.step(progress, !is_lost) {
                Step::Goes(progress) => next.go_on(*place, progress),
                Step::Answers(said) if call.said.as_ref() == Some(&said) => {
                    next.done |= bit(*place);
                }
                Step::Answers(_) => return None,
            }
            (!self.is_in_vain(&next)).then_some(next)
        };
        self.order.iter().rev().find_map(looks)
    }

    /// How far a call has come, if it can go on.
    fn progress(&self, node: &Node, place: usize) -> Option<Progress> {
        let call = &self.calls[place];
        if node.done & bit(place) != 0 {
            return None;
        }
        // Nothing comes of a lost one any more once what came after it has begun.
        if call.said.is_none() && node.started() & self.after[place] != 0 {
            return None;
        }
        match node.under_way(place) {
            Some(progress) => Some(progress.clone()),
            None if node.done & self.before[place] != self.before[place] => None,
            None => Some(Progress::begin(&call.operation, &node.situation)),
        }
    }

    /// What can be after a call's next step.
    fn go_on(&mut self, node: &Node, place: usize) {
        let Some(progress) = self.progress(node, place) else {
            return;
        };
        let call = &self.calls[place];
        let mut found = Vec::new();
        let mut next = node.after(place);
        let mut given_up = next.clone();
        if call.is_troubled
            && let Some(said) = progress.after_a_loss(&mut given_up.situation.model)
        {
            given_up.done |= bit(place);
            found.extend(fitting(given_up, call, &said));
        }
        let mut failing = node.after(place);
        if call.is_troubled
            && let Some(failed) = progress.clone().fail(&mut failing.situation.model)
        {
            failing.go_on(place, failed);
            found.push(failing);
        }
        match next.situation.step(progress, call.said.is_some()) {
            Step::Goes(progress) => {
                next.go_on(place, progress);
                found.push(next);
            }
            Step::Answers(said) => {
                let is_change = next.situation != node.situation;
                if is_change && call.is_troubled && call.operation.is_sent_again() {
                    let tries = next.tries(place) + 1;
                    if tries < MAX_TRIES {
                        let mut again = next.clone();
                        again.again.retain(|(other, _)| *other != place);
                        again.again.push((place, tries));
                        again.again.sort_unstable();
                        found.push(again);
                    }
                }
                // A lost one that has changed nothing is as good as one that never happened.
                if is_change || call.said.is_some() || node.under_way(place).is_some() {
                    next.again.retain(|(other, _)| *other != place);
                    next.done |= bit(place);
                    found.extend(fitting(next, call, &said));
                }
            }
        }
        found.retain(|next| !self.is_in_vain(next));
        self.stack.append(&mut found);
    }

    /// Whether a call can not be answered any more as it was.
    fn is_in_vain(&self, node: &Node) -> bool {
        let model = &node.situation.model;
        let is_in_vain = |(place, call): (usize, &Call)| {
            let Some(said) = &call.said else {
                return false;
            };
            if node.done & bit(place) != 0 {
                return false;
            }
            match node.under_way(place) {
                Some(progress) => !progress.can_answer(said, model),
                None if node.done & self.before[place] != self.before[place] => false,
                None => !can_begin(&call.operation, said, model),
            }
        };
        self.calls.iter().enumerate().any(is_in_vain)
    }

    /// How far it could be explained, and what the model would have said to what comes next.
    pub(super) fn tell(&self) -> String {
        let Some(node) = &self.furthest else {
            return "it began in no situation".to_owned();
        };
        let mut told = tell::history(&self.calls, &node.order());
        told.push_str("\nfrom there on none of these can be explained:\n");
        for (place, call) in self.calls.iter().enumerate() {
            let is_next = node.done & self.before[place] == self.before[place];
            if node.done & bit(place) != 0 || !is_next || call.said.is_none() {
                continue;
            }
            let mut situation = node.situation.clone();
            let mut progress = match node.under_way(place) {
                Some(progress) => progress.clone(),
                None => Progress::begin(&call.operation, &situation),
            };
            let said = loop {
                match situation.step(progress, true) {
                    Step::Goes(on) => progress = on,
                    Step::Answers(said) => break said,
                }
            };
            let _ = writeln!(told, "  #{place}: the model says {}", tell::said(&said));
        }
        let model = tell::model(&node.situation.model);
        let _ = writeln!(told, "\nthe model there:\n{model}");
        told
    }
}

/// The place, if the answer was this one.
fn fitting(node: Node, call: &Call, model: &Said) -> Option<Node> {
    let fits = |system: &Said| call.operation.fits(system, model);
    let is_it = call.said.as_ref().is_none_or(fits);
    is_it.then_some(node)
}

/// Whether what was not begun yet can be answered like this: only a live session can do anything but be found ended.
fn can_begin(operation: &Operation, said: &Said, model: &Model) -> bool {
    let (Operation::Look { seat }
    | Operation::Change { seat, .. }
    | Operation::Preview { seat, .. }
    | Operation::Migrate { seat, .. }) = operation
    else {
        return true;
    };
    let is_refused = matches!(said, Err(refused) if refused.reason == "SESSION_ENDED");
    is_refused || model.is_live(*seat)
}
