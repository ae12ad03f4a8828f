//! A long history, judged piece by piece: between two of them all is quiet.

use super::checker::{Found, Search};
use super::progress::Situation;
use super::record::Call;

/// Places that are looked at for a piece, those in the pieces before it included. One that takes more is too tangled.
const PLACES: usize = 60_000;

/// The pieces of a history, each explained from one end of the piece before.
pub(crate) struct Rounds {
    /// In which it can be now.
    present: Situation,
    searches: Vec<Search>,
}

/// What a history is found to be. What is not explained is told for people.
#[derive(Debug)]
#[must_use]
pub(crate) enum Verdict {
    /// This order explains it.
    Explained,
    /// No order does.
    Unexplained(String),
    /// None was found, and not all were tried. Nothing more can be said of this line.
    TooTangled(String),
}

impl Rounds {
    pub(crate) fn begin(situation: Situation) -> Self {
        Self {
            present: situation,
            searches: Vec::new(),
        }
    }

    /// A situation in which it can be now.
    pub(crate) fn present(&self) -> &Situation {
        &self.present
    }

    /// Adds a piece, and explains it. Where the pieces before could have ended otherwise, that is tried too.
    pub(crate) fn add(&mut self, calls: Vec<Call>) -> Verdict {
        let mut search = Search::of(calls);
        search.begin(self.present.clone());
        self.searches.push(search);
        let last = self.searches.len() - 1;
        let mut places = PLACES;
        match self.next_end(last, &mut places) {
            Found::End(end) => {
                self.present = *end;
                Verdict::Explained
            }
            Found::Nothing => Verdict::Unexplained(self.searches[last].tell()),
            Found::TooTangled => Verdict::TooTangled(self.searches[last].tell()),
        }
    }

    /// Another end of the pieces up to this one.
    fn next_end(&mut self, piece: usize, places: &mut usize) -> Found {
        loop {
            let found = self.searches[piece].next_end(places);
            let (Found::Nothing, Some(before)) = (&found, piece.checked_sub(1)) else {
                return found;
            };
            match self.next_end(before, places) {
                Found::End(otherwise) => self.searches[piece].begin(*otherwise),
                found => return found,
            }
        }
    }
}
