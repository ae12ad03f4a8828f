//! Which events are new. An event's id is drawn before it is committed, so an event may appear behind ids that were
//! seen already; whoever follows looks back a while, and remembers what was told.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// No change is in progress for longer than this: services drop what is past its deadline.
const LOOK_BACK: Duration = Duration::from_secs(30);

/// What was told of the trail lately.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// Everything up to this id is settled.
    settled: i64,
    /// Ids after it that were told, and when they were seen.
    told: BTreeMap<i64, Instant>,
}

impl Follower {
    /// Begins with what was told first: nothing before it is told any more.
    pub(super) fn begin(&mut self, ids: impl IntoIterator<Item = i64>, now: Instant) {
        self.told = ids.into_iter().map(|id| (id, now)).collect();
        if let Some((first, _)) = self.told.first_key_value() {
            self.settled = first - 1;
        }
    }

    /// After which event to ask now.
    pub(super) fn ask_after(&mut self, now: Instant) -> i64 {
        let settled = self
            .told
            .iter()
            .rev()
            .find(|(_, seen)| now.duration_since(**seen) >= LOOK_BACK)
            .map(|(id, _)| *id);
        if let Some(settled) = settled {
            self.settled = settled;
            self.told = self.told.split_off(&(settled + 1));
        }
        self.settled
    }

    /// Whether an event has not been told yet; it counts as told from now on.
    pub(super) fn is_new(&mut self, id: i64, now: Instant) -> bool {
        if id <= self.settled || self.told.contains_key(&id) {
            return false;
        }
        self.told.insert(id, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OPS-3: an event that is committed behind ids that were seen is told, once, and the looking back is bounded.
    #[tokio::test(start_paused = true)]
    async fn a_late_event_is_told_once() {
        let mut follower = Follower::default();
        let start = Instant::now();
        follower.begin([10, 12], start);
        let second = start + Duration::from_secs(1);
        assert_eq!(follower.ask_after(second), 9);
        let new: Vec<i64> = [10, 11, 12, 14]
            .into_iter()
            .filter(|id| follower.is_new(*id, second))
            .collect();
        assert_eq!(new, [11, 14]);

        // 13 commits much later than 14.
        let late = start + Duration::from_secs(20);
        assert!(follower.ask_after(late) < 13);
        let new: Vec<i64> = [13, 14]
            .into_iter()
            .filter(|id| follower.is_new(*id, late))
            .collect();
        assert_eq!(new, [13]);

        let settled = second + LOOK_BACK;
        assert_eq!(follower.ask_after(settled), 14);
        assert!(!follower.is_new(14, settled));
        assert!(follower.is_new(15, settled));
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_trail_is_followed_from_its_beginning() {
        let mut follower = Follower::default();
        follower.begin([], Instant::now());
        assert_eq!(follower.ask_after(Instant::now()), 0);
        assert!(follower.is_new(1, Instant::now()));
    }
}
