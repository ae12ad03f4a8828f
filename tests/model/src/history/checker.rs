//! The checker: searches for an order of all steps that explains a history.

use std::collections::HashSet;
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::node::{Node, Set, bit, fingerprint};
use super::operation::{Operation, Response};
use super::progress::{Progress, Progressed, Situation};
use super::record::RecordedOperation;
use super::tell;
use crate::rules::Model;

/// The largest number of operations in one search.
const MOST: usize = 128;
/// The number of nodes that the search visits before it restarts in another random order. This
/// number grows by half with each restart. After a wrong early choice, the search would visit every
/// order that begins with that choice. A search with another first choice often finds the end
/// quickly.
const PATIENCE: usize = 2_000;
/// The largest number of times that the gateway sends one request.
const MAX_TRIES: u8 = 3;

/// Refusals whose cause may have appeared only during the operation. If the response is such a
/// refusal, the operation's read must not be taken as early as possible.
const FOUND_TOO_EARLY: [&str; 7] = [
    "SESSION_ENDED",
    "PASSWORD_DEAD",
    "STALE_VIEW",
    "PASSWORD_CHANGE_REQUIRED",
    "MIGRATION_NOT_OFFERED",
    "ACCOUNTS_NOT_READY",
    "INVALID_FIELD",
];

/// The result of a search.
#[derive(Debug)]
pub(super) enum SearchResult {
    /// The history may have ended in this situation.
    End(Box<Situation>),
    /// There is no further situation.
    Nothing,
    /// The search has reached its limit of nodes.
    TooTangled,
}

/// Searches for orders that explain a history. Finds them one after another, the likely ones first.
///
/// Each step of an operation happens at a moment between the operation's request and response. If
/// an operation had its response before another one began, all steps of the first come before all
/// steps of the second. An operation without a response may stop after any step. But it may leave the charge of a
/// right password open only if authentication crashed.
pub(super) struct Search {
    operations: Vec<RecordedOperation>,
    /// All operations. The last one in this list is tried first, because its node is on top of the
    /// stack.
    order: Vec<usize>,
    /// The operations with a response.
    answered: Set,
    /// For each operation: the operations that had their response before it began.
    before: Vec<Set>,
    /// For each operation: the operations that began after it had ended.
    after: Vec<Set>,
    /// For each operation: true if it began after some operation without a response had ended. Once
    /// it has started, that other operation can have no further effect.
    ends_a_lost_one: Vec<bool>,
    /// The operations after which data with a TTL may be lost.
    losses: Set,
    /// The situations in which the history may have begun.
    begun: Vec<Situation>,
    stack: Vec<Node>,
    tried: HashSet<u64>,
    patience: usize,
    rng: StdRng,
    ends: HashSet<u64>,
    furthest: Option<Node>,
}

impl Search {
    /// A search through a history. [`Self::begin`] adds the situations in which the history may
    /// begin.
    pub(super) fn of(operations: Vec<RecordedOperation>) -> Self {
        assert!(
            operations.len() <= MOST,
            "{} operations are too many for one search",
            operations.len()
        );
        let set = |which: &dyn Fn(&RecordedOperation) -> bool| {
            let places = operations.iter().enumerate();
            let chosen = places.filter(|(_, recorded)| which(recorded));
            chosen.fold(0, |set, (place, _)| set | bit(place))
        };
        let before = |recorded: &RecordedOperation| {
            set(&|other| other.response.is_some() && other.ended < recorded.begun)
        };
        let after = |recorded: &RecordedOperation| set(&|other| other.begun > recorded.ended);
        let ends = |recorded: &RecordedOperation| {
            let mut others = operations.iter();
            others.any(|other| other.response.is_none() && other.ended < recorded.begun)
        };
        let mut search = Self {
            order: (0..operations.len()).collect(),
            answered: set(&|recorded| recorded.response.is_some()),
            before: operations.iter().map(before).collect(),
            after: operations.iter().map(after).collect(),
            ends_a_lost_one: operations.iter().map(ends).collect(),
            losses: set(&|recorded| recorded.operation.loses_the_cache()),
            begun: Vec::new(),
            stack: Vec::new(),
            tried: HashSet::new(),
            patience: PATIENCE,
            rng: StdRng::seed_from_u64(0),
            ends: HashSet::new(),
            furthest: None,
            operations,
        };
        search.put_in_order(0);
        search
    }

    /// Sorts `order` so that operations are tried in the order of their responses, and those without
    /// a response last. Moves each operation later by a random number of ticks, at most `jitter`.
    fn put_in_order(&mut self, jitter: usize) {
        let Self {
            operations, rng, ..
        } = self;
        self.order.sort_by_cached_key(|place| {
            let recorded = &operations[*place];
            let likely = recorded.ended + rng.random_range(0..=jitter);
            (recorded.response.is_some(), std::cmp::Reverse(likely))
        });
    }

    /// Restarts the search in another order.
    fn restart(&mut self) {
        self.tried.clear();
        self.patience += self.patience / 2;
        self.put_in_order(self.operations.len());
        self.stack = self.begun.iter().map(Node::at).collect();
    }

    /// Adds a situation in which the history may have begun.
    pub(super) fn begin(&mut self, situation: Situation) {
        self.stack.push(Node::at(&situation));
        self.begun.push(situation);
    }

    /// Searches for another situation in which the history may have ended. `nodes` is the number of
    /// nodes that the search may still visit.
    pub(super) fn next_end(&mut self, nodes: &mut usize) -> SearchResult {
        while let Some(node) = self.stack.pop() {
            if !self.tried.insert(node.fingerprint()) {
                continue;
            }
            if *nodes == 0 {
                return SearchResult::TooTangled;
            }
            *nodes -= 1;
            if self.tried.len() > self.patience {
                self.restart();
                continue;
            }
            match self.after_a_read(&node) {
                Some(next) => self.stack.push(next),
                None => {
                    for index in 0..self.order.len() {
                        self.branch(&node, self.order[index]);
                    }
                }
            }
            let is_further = self.furthest.as_ref();
            if is_further.is_none_or(|furthest| self.explained(&node) > self.explained(furthest)) {
                self.furthest = Some(node.clone());
            }
            let is_end = node.done & self.answered == self.answered && !self.owes_a_refund(&node);
            if is_end && self.ends.insert(fingerprint(&node.situation)) {
                return SearchResult::End(Box::new(node.situation));
            }
        }
        SearchResult::Nothing
    }

    fn explained(&self, node: &Node) -> u32 {
        (node.done & self.answered).count_ones()
    }

    /// Returns the node after a step that only reads and finds what the response needs. `None` if
    /// there is no such step. If an order explains the history, an order that takes this step first
    /// explains it too.
    ///
    /// Also returns `None` while the TTL store may still be lost. The recorded read may have found
    /// nothing because the loss came before it.
    fn after_a_read(&self, node: &Node) -> Option<Node> {
        if self.losses & !node.done != 0 {
            return None;
        }
        let read = |place: &usize| {
            let recorded = &self.operations[*place];
            let is_lost = recorded.response.is_none();
            if self.ends_a_lost_one[*place] {
                return None;
            }
            let mut choices = self.progress(node, *place)?.choices().into_iter();
            let progress = choices.find(|choice| choice.only_looks(&node.situation.model))?;
            if matches!(&recorded.response, Some(Err(refused)) if FOUND_TOO_EARLY.contains(&refused.reason))
            {
                return None;
            }
            let mut next = node.after(*place);
            if is_lost && recorded.is_after_a_fault {
                let mut model = next.situation.model.clone();
                if progress.clone().fail(&mut model).is_some() {
                    return None;
                }
            }
            match next.situation.step(progress, !is_lost) {
                Progressed::Continues(progress) => next.keep(*place, progress),
                Progressed::Answers(response) if recorded.response.as_ref() == Some(&response) => {
                    next.done |= bit(*place);
                }
                Progressed::Answers(_) => return None,
            }
            (!self.is_in_vain(&next)).then_some(next)
        };
        self.order.iter().rev().find_map(read)
    }

    /// The state of an operation at a node. `None` if the operation cannot take another step.
    fn progress(&self, node: &Node, place: usize) -> Option<Progress> {
        let recorded = &self.operations[place];
        if node.done & bit(place) != 0 {
            return None;
        }
        // `after` has the operations that began after this one had ended. Once one of them has
        // started, this operation has no further effect.
        if recorded.response.is_none() && node.started() & self.after[place] != 0 {
            return None;
        }
        match node.under_way(place) {
            Some(progress) => Some(progress.clone()),
            None if node.done & self.before[place] != self.before[place] => None,
            None => Some(Progress::begin(&recorded.operation, &node.situation)),
        }
    }

    /// Adds all nodes that can follow a next step of an operation.
    fn branch(&mut self, node: &Node, place: usize) {
        let Some(progress) = self.progress(node, place) else {
            return;
        };
        for choice in progress.choices() {
            self.branch_with(node, place, choice);
        }
    }

    /// Adds all nodes that can follow this step of an operation.
    fn branch_with(&mut self, node: &Node, place: usize, progress: Progress) {
        let recorded = &self.operations[place];
        let mut found = Vec::new();
        let mut next = node.after(place);
        let mut given_up = next.clone();
        if recorded.is_after_a_fault
            && let Some(response) = progress.response_after_a_fault(&mut given_up.situation.model)
        {
            given_up.done |= bit(place);
            found.extend(fitting(given_up, recorded, &response));
        }
        let mut failing = node.after(place);
        if recorded.is_after_a_fault
            && let Some(failed) = progress.clone().fail(&mut failing.situation.model)
        {
            failing.keep(place, failed);
            found.push(failing);
        }
        match next.situation.step(progress, recorded.response.is_some()) {
            Progressed::Continues(progress) => {
                next.keep(place, progress);
                found.push(next);
            }
            Progressed::Answers(response) => {
                let is_change = next.situation != node.situation;
                if is_change && recorded.is_after_a_fault && recorded.operation.is_sent_again() {
                    let tries = next.tries(place) + 1;
                    if tries < MAX_TRIES {
                        let mut again = next.clone();
                        again.again.retain(|(other, _)| *other != place);
                        again.again.push((place, tries));
                        again.again.sort_unstable();
                        found.push(again);
                    }
                }
                // An operation without a response that changes nothing need not be tried: the
                // result without the operation is the same.
                if is_change || recorded.response.is_some() || node.under_way(place).is_some() {
                    next.again.retain(|(other, _)| *other != place);
                    next.done |= bit(place);
                    found.extend(fitting(next, recorded, &response));
                }
            }
        }
        found.retain(|next| !self.is_in_vain(next));
        self.stack.append(&mut found);
    }

    /// True if some operation can no longer get its recorded response.
    fn is_in_vain(&self, node: &Node) -> bool {
        let model = &node.situation.model;
        let is_in_vain = |(place, recorded): (usize, &RecordedOperation)| {
            let Some(response) = &recorded.response else {
                return false;
            };
            if node.done & bit(place) != 0 {
                return false;
            }
            match node.under_way(place) {
                Some(progress) => !progress.can_answer(response, model),
                None if node.done & self.before[place] != self.before[place] => false,
                None => !can_begin(&recorded.operation, response, model),
            }
        };
        let begun = node.started();
        self.operations.iter().enumerate().any(is_in_vain)
            || self.owes_a_refund_of(node, |place| begun & self.after[place] != 0)
    }

    /// LOGIN-3, LOGIN-4: true if an operation without a response has left the charge of a right password open.
    fn owes_a_refund(&self, node: &Node) -> bool {
        self.owes_a_refund_of(node, |_| true)
    }

    /// The same, only for operations that can take no further step.
    fn owes_a_refund_of(&self, node: &Node, has_ended: impl Fn(usize) -> bool) -> bool {
        node.under_way.iter().any(|(place, progress)| {
            let recorded = &self.operations[*place];
            recorded.response.is_none()
                && !recorded.is_after_a_crash
                && has_ended(*place)
                && progress.owes_a_refund(&node.situation.model)
        })
    }

    /// Text for people: the part of the history that an order explains, and the model's responses
    /// to the next operations.
    pub(super) fn tell(&self) -> String {
        let Some(node) = &self.furthest else {
            return "the history has no situation to begin in".to_owned();
        };
        let mut text = tell::history(&self.operations, &node.order());
        text.push_str("\nno next operation can be explained:\n");
        for (place, recorded) in self.operations.iter().enumerate() {
            let is_next = node.done & self.before[place] == self.before[place];
            if node.done & bit(place) != 0 || !is_next || recorded.response.is_none() {
                continue;
            }
            let mut situation = node.situation.clone();
            let mut progress = match node.under_way(place) {
                Some(progress) => progress.clone(),
                None => Progress::begin(&recorded.operation, &situation),
            };
            let response = loop {
                match situation.step(progress, true) {
                    Progressed::Continues(on) => progress = on,
                    Progressed::Answers(response) => break response,
                }
            };
            let _ = writeln!(
                text,
                "  #{place}: the model's response is {}",
                tell::response(&response)
            );
        }
        let model = tell::model(&node.situation.model);
        let _ = writeln!(text, "\nthe model at that point:\n{model}");
        text
    }
}

/// Returns the node if the model's response fits the recorded one.
fn fitting(node: Node, recorded: &RecordedOperation, model: &Response) -> Option<Node> {
    let fits = |system: &Response| recorded.operation.fits(system, model);
    let is_it = recorded.response.as_ref().is_none_or(fits);
    is_it.then_some(node)
}

/// True if an operation that has not started can still get this response. Without a live session it
/// can only be refused with `SESSION_ENDED`.
fn can_begin(operation: &Operation, response: &Response, model: &Model) -> bool {
    let (Operation::Look { seat }
    | Operation::Change { seat, .. }
    | Operation::Preview { seat, .. }
    | Operation::Migrate { seat, .. }) = operation
    else {
        return true;
    };
    let is_refused = matches!(response, Err(refused) if refused.reason == "SESSION_ENDED");
    is_refused || model.is_live(*seat)
}
