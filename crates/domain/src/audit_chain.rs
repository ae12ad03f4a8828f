//! The hash chains of the audit trail (OPS-3).
//!
//! The hash of an event also covers the hash of the event before it. Recomputing a chain therefore
//! finds events that were removed, altered, inserted or moved. If somebody rewrites a whole chain with
//! matching hashes, only its [`Mark`] shows the change. The mark is stored where a person who can
//! rewrite the chain cannot change it.

use std::fmt;

use chrono::{DateTime, Utc};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest as _, Sha256};

#[cfg(test)]
mod tests;

const BYTES: usize = 32;

/// The hash of an event and of all events before it in its chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; BYTES]);

impl ChainHash {
    /// The hash that precedes the first event of a chain: 32 zero bytes.
    pub const START: Self = Self([0; BYTES]);

    /// Reads a stored hash; `None` if it does not have 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes, for storing.
    pub fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// Parses 64 hexadecimal digits of either case; `None` for any other text.
    pub fn from_hexadecimal(text: &str) -> Option<Self> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
        Self::from_slice(&bytes)
    }
}

/// Prints 64 hexadecimal digits in lower case.
impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

/// The fields of an audit event that its hash covers: all but the hash itself.
#[derive(Debug, Clone)]
pub struct ChainedEvent<'a> {
    /// The chain: the id of a line, or a negative number for events without a line.
    pub chain: i64,
    /// The position in the chain, counted from 1.
    pub chain_sequence: i64,
    /// The position among all events.
    pub event_id: i64,
    /// The time of the event. The hash covers it in microseconds.
    pub occurred: DateTime<Utc>,
    /// Who acted.
    pub actor: &'a str,
    /// What was done.
    pub action: &'a str,
    /// The id of the line that the action concerns.
    pub line_id: Option<i64>,
    /// The number that the action concerns.
    pub number: Option<&'a str>,
    /// How the action ended.
    pub outcome: &'a str,
    /// The reason for the outcome.
    pub reason: Option<&'a str>,
    /// The trace of the request.
    pub trace_id: Option<&'a str>,
    /// How many repeated refusals the event records (OPS-6); `None` for an event of one decision.
    pub repeats: Option<i64>,
}

impl ChainedEvent<'_> {
    /// Computes the hash of this event. `previous` is the hash of the event before it.
    ///
    /// A field is encoded as a netstring (`5:LOGIN,`), an absent field as `-,`. Different events
    /// therefore never have the same encoding. Only the last field, `repeats`, is left out if it is
    /// absent.
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
        if let Some(repeats) = self.repeats {
            write_field(&mut digest, Some(&repeats.to_string()));
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

/// A position in a chain and the hash at that position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The sequence of an event; 0 before the first event.
    pub sequence: i64,
    /// The hash of that event.
    pub hash: ChainHash,
}

/// The recorded beginning and end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainBounds {
    /// The last event that retention has removed; sequence 0 and [`ChainHash::START`] if none was removed.
    pub base: Mark,
    /// The newest event.
    pub head: Mark,
}

/// A difference between a stored chain and the chain that was written. A `sequence` is the position
/// of an event in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Events are missing inside the chain.
    Removed {
        /// The first missing event.
        first: i64,
        /// The last missing event.
        last: i64,
    },
    /// The hash of an event does not match. This event or the one before it was altered.
    Altered {
        /// The event with the wrong hash.
        sequence: i64,
    },
    /// An event is in an impossible position: it was inserted, repeated or moved.
    Misplaced {
        /// The sequence that is stored with the event.
        sequence: i64,
        /// The sequence of the event before it.
        after: i64,
    },
    /// The newest events are missing: the recorded end of the chain is later than its last event.
    CutOff {
        /// The first missing event.
        first: i64,
        /// The last missing event.
        last: i64,
    },
    /// The hash of the last event differs from the recorded end of the chain.
    EndDiffers {
        /// The last event.
        sequence: i64,
    },
    /// The recorded base of the chain is impossible.
    BaseDiffers,
    /// The chain differs from the mark: it was rewritten from this event or an earlier one.
    Rewritten {
        /// The marked event.
        sequence: i64,
    },
    /// The chain ends before the marked event.
    ShorterThanMarked {
        /// The last event of the chain.
        sequence: i64,
        /// The marked event.
        marked: i64,
    },
}

/// Checks a chain event by event and collects its flaws. After a flaw the check continues from the
/// stored hash, so each flaw is reported once.
#[derive(Debug, Clone)]
pub struct ChainWalk {
    chain: i64,
    bounds: ChainBounds,
    mark: Option<Mark>,
    last: Mark,
    /// True if the event before the present one is missing. The present hash cannot be checked then.
    after_gap: bool,
    flaws: Vec<Flaw>,
}

impl ChainWalk {
    /// Starts the check of a chain. `mark` is a position that was saved outside the database.
    pub fn begin(chain: i64, bounds: ChainBounds, mark: Option<Mark>) -> Self {
        let mut walk = Self {
            chain,
            bounds,
            mark,
            last: bounds.base,
            after_gap: false,
            flaws: Vec::new(),
        };
        let impossible = bounds.base.sequence < 0
            || bounds.base.sequence > bounds.head.sequence
            || (bounds.base.sequence == 0 && bounds.base.hash != ChainHash::START);
        if impossible {
            walk.flaws.push(Flaw::BaseDiffers);
        }
        walk.compare_with_mark();
        walk
    }

    /// OPS-3: checks the next event against its stored hash.
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

    /// OPS-3: ends the check. Returns the last event of the chain and all flaws.
    pub fn end(mut self) -> (Mark, Vec<Flaw>) {
        let (last, head) = (self.last, self.bounds.head);
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
