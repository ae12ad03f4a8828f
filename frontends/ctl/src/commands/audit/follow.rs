//! Finds the new events of the audit trail.
//!
//! The database assigns an event's id before the event is committed. Therefore an event may appear after events with
//! higher ids. To find it, the follower also queries ids that it has already listed, and skips the listed events.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// The maximum time from the assignment of an event's id to its commit. A commit does not take longer, because services
/// drop a request after its deadline.
const MAX_COMMIT_DELAY: Duration = Duration::from_secs(30);

/// Remembers the events that were listed recently.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// Events with this id or a lower one are not listed any more.
    settled: i64,
    /// The listed ids after `settled`, with the time when each was listed.
    listed: BTreeMap<i64, Instant>,
}

impl Follower {
    /// Starts with the ids of the first list. Events with lower ids than these are never listed.
    pub(super) fn begin(&mut self, ids: impl IntoIterator<Item = i64>, now: Instant) {
        self.listed = ids.into_iter().map(|id| (id, now)).collect();
        if let Some((first, _)) = self.listed.first_key_value() {
            self.settled = first - 1;
        }
    }

    /// Returns the id after which the next query must start.
    pub(super) fn query_after(&mut self, now: Instant) -> i64 {
        let settled = self
            .listed
            .iter()
            .rev()
            .find(|(_, listed)| now.duration_since(**listed) >= MAX_COMMIT_DELAY)
            .map(|(id, _)| *id);
        if let Some(settled) = settled {
            self.settled = settled;
            self.listed = self.listed.split_off(&(settled + 1));
        }
        self.settled
    }

    /// Returns true if the event has not been listed yet, and marks it as listed.
    pub(super) fn mark_listed(&mut self, id: i64, now: Instant) -> bool {
        if id <= self.settled || self.listed.contains_key(&id) {
            return false;
        }
        self.listed.insert(id, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OPS-3: an event that is committed after events with higher ids is listed once. The follower forgets listed ids
    /// after `MAX_COMMIT_DELAY`.
    #[tokio::test(start_paused = true)]
    async fn a_late_event_is_listed_once() {
        let mut follower = Follower::default();
        let start = Instant::now();
        follower.begin([10, 12], start);
        let second = start + Duration::from_secs(1);
        assert_eq!(follower.query_after(second), 9);
        let new: Vec<i64> = [10, 11, 12, 14]
            .into_iter()
            .filter(|id| follower.mark_listed(*id, second))
            .collect();
        assert_eq!(new, [11, 14]);

        // 13 commits much later than 14.
        let late = start + Duration::from_secs(20);
        assert!(follower.query_after(late) < 13);
        let new: Vec<i64> = [13, 14]
            .into_iter()
            .filter(|id| follower.mark_listed(*id, late))
            .collect();
        assert_eq!(new, [13]);

        let settled = second + MAX_COMMIT_DELAY;
        assert_eq!(follower.query_after(settled), 14);
        assert!(!follower.mark_listed(14, settled));
        assert!(follower.mark_listed(15, settled));
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_trail_is_followed_from_its_beginning() {
        let mut follower = Follower::default();
        follower.begin([], Instant::now());
        assert_eq!(follower.query_after(Instant::now()), 0);
        assert!(follower.mark_listed(1, Instant::now()));
    }
}
