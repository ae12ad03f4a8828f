//! The chains of the audit trail (OPS-3): each event's hash covers the event before it, so that whoever recomputes a
//! chain finds an event that was removed, altered, inserted or moved. A chain that was rewritten as a whole is found
//! by its [`Mark`], kept where those who could rewrite it cannot reach.

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

#[cfg(test)]
mod tests;

const BYTES: usize = 32;

/// The hash of an event and of everything before it in its chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; BYTES]);

impl ChainHash {
    /// What the first event of a chain follows.
    pub const START: Self = Self([0; BYTES]);

    /// Takes a stored hash. None when it has not 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes, for storing.
    pub fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hexadecimal(text: &str) -> Option<Self> {
        let mut bytes = [0; BYTES];
        // The number parser below would take a sign for a digit.
        if text.len() != 2 * BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// 64 hexadecimal digits in lower case.
impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

/// An event, as far as its hash covers it: everything but the hash itself.
#[derive(Debug, Clone)]
pub struct ChainedEvent<'a> {
    /// Which chain: a line's id, or below 0 for events on no line.
    pub chain: i64,
    /// Its place in the chain, counted from 1.
    pub chain_sequence: i64,
    /// Its place among all events.
    pub event_id: i64,
    /// When, to the microsecond.
    pub occurred: DateTime<Utc>,
    /// Who.
    pub actor: &'a str,
    /// What.
    pub action: &'a str,
    /// On which line.
    pub line_id: Option<i64>,
    /// For which number.
    pub number: Option<&'a str>,
    /// How it ended.
    pub outcome: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
    /// In which trace.
    pub trace_id: Option<&'a str>,
}

impl ChainedEvent<'_> {
    /// The hash of this event when it follows the one with the hash `previous`. Each field goes in as a netstring
    /// (`5:LOGIN,`), an absent one as `-,`, so that no two different events are spelled alike.
    pub fn hash_after(&self, previous: ChainHash) -> ChainHash {
        let mut digest = Sha256::new();
        digest.update(previous.0);
        for number in [self.chain, self.chain_sequence, self.event_id] {
            write_field(&mut digest, Some(&number.to_string()));
        }
        let micros = self.occurred.timestamp_micros().to_string();
        let line_id = self.line_id.map(|id| id.to_string());
        for field in [
            Some(micros.as_str()),
            Some(self.actor),
            Some(self.action),
            line_id.as_deref(),
            self.number,
            Some(self.outcome),
            self.reason,
            self.trace_id,
        ] {
            write_field(&mut digest, field);
        }
        ChainHash(digest.finalize().into())
    }
}

fn write_field(digest: &mut Sha256, field: Option<&str>) {
    match field {
        Some(text) => {
            digest.update(text.len().to_string());
            digest.update(":");
            digest.update(text);
            digest.update(",");
        }
        None => digest.update("-,"),
    }
}

/// A place in a chain, and the hash there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The sequence of an event; 0 before the first.
    pub sequence: i64,
    /// Its hash.
    pub hash: ChainHash,
}

/// Where a chain begins and ends, as recorded beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainBounds {
    /// The last event that retention has removed; sequence 0 and [`ChainHash::START`] when none was.
    pub base: Mark,
    /// The newest event.
    pub head: Mark,
}

/// Where a chain is not as it was written. Sequences are those of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Events are missing, from the first to the last named.
    Removed {
        /// The first that is missing.
        first: i64,
        /// The last that is missing.
        last: i64,
    },
    /// An event does not follow the one before it: one of the two was altered.
    Altered {
        /// The event whose hash is wrong.
        sequence: i64,
    },
    /// An event stands where it cannot: inserted, repeated, or moved.
    Misplaced {
        /// What it says of its own place.
        sequence: i64,
        /// The place of the event before it.
        after: i64,
    },
    /// The newest events are missing: the chain's recorded end is further on.
    CutOff {
        /// The first that is missing.
        first: i64,
        /// The last that is missing.
        last: i64,
    },
    /// The recorded end of the chain has another hash than its last event.
    EndDiffers {
        /// The last event.
        sequence: i64,
    },
    /// The record of where the chain begins cannot be true.
    BaseDiffers,
    /// The chain is not the one that was marked: rewritten, from this event or an earlier one.
    Rewritten {
        /// The marked event.
        sequence: i64,
    },
    /// The chain ends before the event that was marked.
    ShorterThanMarked {
        /// The last event that there is.
        sequence: i64,
        /// The marked one.
        marked: i64,
    },
}

/// Walks along a chain and finds its flaws. After a flaw the walk goes on from what is stored, so that each is told
/// once.
#[derive(Debug, Clone)]
pub struct ChainWalk {
    chain: i64,
    ends: ChainBounds,
    mark: Option<Mark>,
    last: Mark,
    /// Whether the hash of the event before is to be had.
    after_gap: bool,
    flaws: Vec<Flaw>,
}

impl ChainWalk {
    /// Begins with a chain's ends; `mark` is a place in it that was noted earlier, elsewhere.
    pub fn begin(chain: i64, ends: ChainBounds, mark: Option<Mark>) -> Self {
        let mut walk = Self {
            chain,
            ends,
            mark,
            last: ends.base,
            after_gap: false,
            flaws: Vec::new(),
        };
        let impossible = ends.base.sequence < 0
            || ends.base.sequence > ends.head.sequence
            || (ends.base.sequence == 0 && ends.base.hash != ChainHash::START);
        if impossible {
            walk.flaws.push(Flaw::BaseDiffers);
        }
        walk.compare_with_mark();
        walk
    }

    /// OPS-3: takes the next event with its stored hash.
    pub fn take(&mut self, event: &ChainedEvent<'_>, stored: ChainHash) {
        let sequence = event.chain_sequence;
        let next = self.last.sequence.checked_add(1);
        let Some(expected) = next.filter(|next| event.chain == self.chain && sequence >= *next)
        else {
            self.flaws.push(Flaw::Misplaced {
                sequence,
                after: self.last.sequence,
            });
            return;
        };
        if sequence > expected {
            self.flaws.push(Flaw::Removed {
                first: expected,
                last: sequence - 1,
            });
            self.after_gap = true;
        }
        if !self.after_gap && event.hash_after(self.last.hash) != stored {
            self.flaws.push(Flaw::Altered { sequence });
        }
        self.after_gap = false;
        self.last = Mark {
            sequence,
            hash: stored,
        };
        self.compare_with_mark();
    }

    /// OPS-3: ends the walk: the chain's last event, and everything that is wrong with it.
    pub fn end(mut self) -> (Mark, Vec<Flaw>) {
        let (last, head) = (self.last, self.ends.head);
        if last.sequence < head.sequence {
            self.flaws.push(Flaw::CutOff {
                first: last.sequence + 1,
                last: head.sequence,
            });
        } else if last != head {
            self.flaws.push(Flaw::EndDiffers {
                sequence: last.sequence,
            });
        }
        if let Some(mark) = self.mark
            && mark.sequence > last.sequence
        {
            self.flaws.push(Flaw::ShorterThanMarked {
                sequence: last.sequence,
                marked: mark.sequence,
            });
        }
        (last, self.flaws)
    }

    fn compare_with_mark(&mut self) {
        if let Some(mark) = self.mark
            && mark.sequence == self.last.sequence
            && mark.hash != self.last.hash
        {
            self.flaws.push(Flaw::Rewritten {
                sequence: mark.sequence,
            });
        }
    }
}
