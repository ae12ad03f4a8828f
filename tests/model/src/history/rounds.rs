//! Judges a long history round by round. Between two rounds no operation is in progress.

use super::checker::{Search, SearchResult};
use super::progress::Situation;
use super::record::RecordedOperation;

/// The number of nodes that the search may visit for one round. Nodes of earlier rounds that the
/// search visits again count too. A round that needs more is too tangled.
const NODES: usize = 60_000;

/// The rounds of a history. The search in each round begins in a situation in which the round
/// before may have ended.
pub struct Rounds {
    /// A situation in which the system may be now.
    present: Situation,
    searches: Vec<Search>,
}

/// The verdict on a round. Its text says what could not be explained.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// Some order explains it.
    Explained,
    /// No order explains it.
    Unexplained(String),
    /// No order was found, but not all were tried. Later rounds of this line cannot be judged.
    TooTangled(String),
}

impl Rounds {
    /// A history that begins in this situation.
    pub fn begin(situation: Situation) -> Self {
        Self {
            present: situation,
            searches: Vec::new(),
        }
    }

    /// A situation in which the system may be now.
    pub fn present(&self) -> &Situation {
        &self.present
    }

    /// Adds a round and searches for an order that explains it. If there is none, searches for
    /// another situation in which the round before may have ended, and tries again from there.
    pub fn add(&mut self, operations: Vec<RecordedOperation>) -> Verdict {
        let mut search = Search::of(operations);
        search.begin(self.present.clone());
        self.searches.push(search);
        let last = self.searches.len() - 1;
        let mut nodes = NODES;
        match self.next_end(last, &mut nodes) {
            SearchResult::End(end) => {
                self.present = *end;
                Verdict::Explained
            }
            SearchResult::Nothing => Verdict::Unexplained(self.searches[last].tell()),
            SearchResult::TooTangled => Verdict::TooTangled(self.searches[last].tell()),
        }
    }

    /// Searches for another situation in which the given round may have ended.
    fn next_end(&mut self, round: usize, nodes: &mut usize) -> SearchResult {
        loop {
            let found = self.searches[round].next_end(nodes);
            let (SearchResult::Nothing, Some(before)) = (&found, round.checked_sub(1)) else {
                return found;
            };
            match self.next_end(before, nodes) {
                SearchResult::End(otherwise) => self.searches[round].begin(*otherwise),
                found => return found,
            }
        }
    }
}
