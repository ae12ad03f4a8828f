//! The results of simulated subscribers.

/// The results of one subscriber, or the sum over several.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Completed rounds. A round begins with a telephone call and ends with a logout.
    pub(super) rounds: usize,
    /// RPCs that got the expected response or refusal.
    pub(super) answered: usize,
    /// RPCs that ended in another way, each with its status.
    pub(super) failed: Vec<String>,
    /// Acknowledged changes that were missing later. Each is a violation of INV-4.
    pub(super) lost: Vec<String>,
    /// Temporary passwords and sessions that were lost before they were used. The subscriber dials or logs in again
    /// (INV-3).
    pub(super) lost_with_redis: Vec<String>,
    /// Calls whose record the system could not read, each with its status. The subscriber dials again.
    pub(super) ended_calls: Vec<String>,
}

impl Account {
    /// The sum of these results and others.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.rounds += other.rounds;
        self.answered += other.answered;
        self.failed.extend(other.failed);
        self.lost.extend(other.lost);
        self.lost_with_redis.extend(other.lost_with_redis);
        self.ended_calls.extend(other.ended_calls);
        self
    }

    /// All counts, in one line.
    pub(super) fn summary(&self) -> String {
        format!(
            "{} rounds completed; {} RPCs answered, {} failed; {} lost, {} lost with Redis, {} calls ended",
            self.rounds,
            self.answered,
            self.failed.len(),
            self.lost.len(),
            self.lost_with_redis.len(),
            self.ended_calls.len()
        )
    }
}
