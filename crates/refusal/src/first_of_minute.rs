//! Limits the log of repeated events to the first in each minute, with a count of the suppressed ones.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a logged event suppresses further events of its kind.
const MINUTE: Duration = Duration::from_mins(1);

/// The maximum number of remembered kinds. Events of further kinds are suppressed, so that clients cannot
/// fill the memory or the log.
const MOST_KINDS: usize = 1024;

/// Admits the first event of each kind in each minute.
#[derive(Debug)]
pub struct FirstOfMinute<K>(Mutex<HashMap<K, Seen>>);

#[derive(Debug)]
struct Seen {
    logged: Instant,
    suppressed: u64,
}

impl<K> Default for FirstOfMinute<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> FirstOfMinute<K> {
    /// Records an event of a kind. `None` means that the event is suppressed. Otherwise the event must be
    /// logged together with the returned number: the number of events of this kind that were suppressed
    /// since the last logged one.
    pub fn admit(&self, kind: K, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = kinds.get_mut(&kind) {
            if now.saturating_duration_since(seen.logged) < MINUTE {
                seen.suppressed += 1;
                return None;
            }
            seen.logged = now;
            return Some(std::mem::take(&mut seen.suppressed));
        }
        if kinds.len() >= MOST_KINDS {
            kinds.retain(|_, seen| now.saturating_duration_since(seen.logged) < MINUTE);
        }
        if kinds.len() >= MOST_KINDS {
            return None;
        }
        let seen = Seen {
            logged: now,
            suppressed: 0,
        };
        kinds.insert(kind, seen);
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_minute_is_admitted_with_a_count() {
        let events = FirstOfMinute::default();
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(events.admit("a", at(0)), Some(0));
        assert_eq!(events.admit("a", at(1)), None);
        assert_eq!(events.admit("b", at(1)), Some(0));
        assert_eq!(events.admit("a", at(59)), None);
        assert_eq!(events.admit("a", at(60)), Some(2));
        assert_eq!(events.admit("a", at(61)), None);
        assert_eq!(events.admit("a", at(200)), Some(1));
    }

    /// A kind may be an address that a client chooses, so the number of remembered kinds is bounded.
    #[test]
    fn the_number_of_kinds_is_bounded() {
        let events = FirstOfMinute::default();
        let start = Instant::now();
        for kind in 0..MOST_KINDS {
            assert_eq!(events.admit(kind, start), Some(0));
        }
        assert_eq!(events.admit(MOST_KINDS, start), None);
        assert_eq!(events.admit(MOST_KINDS, start + MINUTE), Some(0));
    }
}
