//! How often a client address may try (LOGIN-8): the generic cell rate algorithm, apart from its store.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A quota: so many attempts at once, and as many again over each period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Attempts that may come at once after a rest of one period.
    pub burst: u32,
    /// How long it takes until that many are free again.
    #[serde(with = "crate::duration_text")]
    pub period: TimeDelta,
}

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaDecision {
    /// It may go on.
    Allowed {
        /// The theoretical arrival time to store, in milliseconds since 1970. It is worthless once past.
        new_tat: i64,
    },
    /// It may not; nothing is to be stored.
    Refused {
        /// How long to wait until one would be allowed.
        retry_after: TimeDelta,
    },
}

impl Quota {
    /// Milliseconds between two attempts at a steady pace; at least 1.
    pub fn interval_ms(&self) -> i64 {
        self.period
            .num_milliseconds()
            .checked_div(i64::from(self.burst))
            .unwrap_or(i64::MAX)
            .max(1)
    }

    /// How far the theoretical arrival time may run ahead of the clock, in milliseconds.
    pub fn tolerance_ms(&self) -> i64 {
        self.interval_ms().saturating_mul(i64::from(self.burst))
    }

    /// LOGIN-8: decides on one attempt from the stored theoretical arrival time (none: a client not seen
    /// lately) and the clock, both in milliseconds since 1970. A burst of 0 refuses everything.
    pub fn take(&self, tat: Option<i64>, now_ms: i64) -> QuotaDecision {
        let new_tat = tat
            .map_or(now_ms, |tat| tat.max(now_ms))
            .saturating_add(self.interval_ms());
        let wait = new_tat
            .saturating_sub(self.tolerance_ms())
            .saturating_sub(now_ms);
        if wait > 0 {
            QuotaDecision::Refused {
                retry_after: TimeDelta::try_milliseconds(wait).unwrap_or(TimeDelta::MAX),
            }
        } else {
            QuotaDecision::Allowed { new_tat }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(burst: u32, seconds: i64) -> Quota {
        Quota {
            burst,
            period: TimeDelta::seconds(seconds),
        }
    }

    /// LOGIN-8: the burst is allowed at once, the next attempt only after the interval, and the answer
    /// says exactly when.
    #[test]
    fn a_burst_then_a_steady_pace() {
        let quota = quota(3, 60);
        let mut tat = None;
        for _ in 0..3 {
            let QuotaDecision::Allowed { new_tat } = quota.take(tat, 1_000) else {
                panic!("refused within the burst")
            };
            tat = Some(new_tat);
        }
        assert_eq!(
            quota.take(tat, 1_000),
            QuotaDecision::Refused {
                retry_after: TimeDelta::seconds(20)
            }
        );
        assert_eq!(
            quota.take(tat, 20_999),
            QuotaDecision::Refused {
                retry_after: TimeDelta::milliseconds(1)
            }
        );
        assert!(matches!(
            quota.take(tat, 21_000),
            QuotaDecision::Allowed { .. }
        ));
    }

    /// LOGIN-8: a client that rested a whole period has the whole burst again, and no more.
    #[test]
    fn rest_gives_the_burst_back_and_no_more() {
        let quota = quota(2, 10);
        let mut tat = Some(0);
        for expected in [true, true, false] {
            let taken = quota.take(tat, 1_000_000);
            assert_eq!(matches!(taken, QuotaDecision::Allowed { .. }), expected);
            if let QuotaDecision::Allowed { new_tat } = taken {
                tat = Some(new_tat);
            }
        }
    }

    /// LOGIN-8: a quota of nothing allows nothing.
    #[test]
    fn a_burst_of_zero_refuses() {
        assert!(matches!(
            quota(0, 60).take(None, 5),
            QuotaDecision::Refused { .. }
        ));
    }

    proptest! {
        /// LOGIN-8: within any one period never more than twice the burst, and waiting as told helps.
        #[test]
        fn never_more_than_the_quota(burst in 1u32..20, seconds in 1i64..600, gaps in prop::collection::vec(0i64..5_000, 1..200)) {
            let quota = quota(burst, seconds);
            let (mut now, mut tat, mut allowed) = (0, None, Vec::new());
            for gap in gaps {
                now += gap;
                match quota.take(tat, now) {
                    QuotaDecision::Allowed { new_tat } => { tat = Some(new_tat); allowed.push(now); }
                    QuotaDecision::Refused { retry_after } => {
                        let then = now + retry_after.num_milliseconds();
                        let allowed = matches!(quota.take(tat, then), QuotaDecision::Allowed { .. });
                        prop_assert!(allowed);
                    }
                }
            }
            for (i, first) in allowed.iter().enumerate() {
                let within = allowed[i..].iter().filter(|at| *at - first < quota.tolerance_ms()).count();
                prop_assert!(within <= 2 * burst as usize);
            }
        }
    }
}
