//! The limit of attempts per client address (LOGIN-8): the generic cell rate algorithm, without its store.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A quota: `burst` attempts without a pause, then `burst` attempts per period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// The number of attempts allowed without a pause, if there was no attempt in the period
    /// before.
    pub burst: u32,
    /// The time after which the whole burst is allowed again.
    #[serde(with = "crate::duration_text")]
    pub period: TimeDelta,
}

/// The decision on one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaDecision {
    /// The attempt is allowed.
    Allowed {
        /// The theoretical arrival time to store, in milliseconds since 1970. The store may delete it once that
        /// time has passed.
        new_tat: i64,
    },
    /// The attempt is refused. Nothing needs to be stored.
    Refused {
        /// The time after which an attempt would be allowed.
        retry_after: TimeDelta,
    },
}

impl Quota {
    /// The milliseconds between two attempts at a steady rate; at least 1.
    pub fn interval_ms(&self) -> i64 {
        self.period
            .num_milliseconds()
            .checked_div(i64::from(self.burst))
            .unwrap_or(i64::MAX)
            .max(1)
    }

    /// The milliseconds by which the theoretical arrival time may be ahead of the clock.
    pub fn tolerance_ms(&self) -> i64 {
        self.interval_ms().saturating_mul(i64::from(self.burst))
    }

    /// LOGIN-8: decides on one attempt.
    ///
    /// `tat` is the stored theoretical arrival time, `None` for a client without one; `now_ms` is the present time. Both
    /// are milliseconds since 1970. A burst of 0 refuses every attempt.
    pub fn take(&self, tat: Option<i64>, now_ms: i64) -> QuotaDecision {
        self.take_all(tat, now_ms, 1)
    }

    /// LOGIN-8: decides on a request that tries several passwords.
    ///
    /// The request is allowed if one attempt is left. It takes one attempt for each password, but at most the whole
    /// burst ([`Quota::counted`]). If it takes more than are left, the excess is a debt: no further attempt is allowed
    /// until enough time has passed to pay the debt. That takes at most one period, because of the maximum.
    pub fn take_all(&self, tat: Option<i64>, now_ms: i64, passwords: u32) -> QuotaDecision {
        let base = tat.map_or(now_ms, |tat| tat.max(now_ms));
        let wait = base
            .saturating_add(self.interval_ms())
            .saturating_sub(self.tolerance_ms())
            .saturating_sub(now_ms);
        if wait > 0 {
            QuotaDecision::Refused {
                retry_after: TimeDelta::try_milliseconds(wait).unwrap_or(TimeDelta::MAX),
            }
        } else {
            let taken = self
                .interval_ms()
                .saturating_mul(i64::from(self.counted(passwords)));
            QuotaDecision::Allowed {
                new_tat: base.saturating_add(taken),
            }
        }
    }

    /// The number of attempts that a request with this number of passwords takes: one for each password, but at least
    /// one and at most the whole burst.
    pub fn counted(&self, passwords: u32) -> u32 {
        passwords.clamp(1, self.burst.max(1))
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

    /// LOGIN-8: the burst is allowed without a pause, and the next attempt only after the interval. The
    /// refusal contains the exact time to wait.
    #[test]
    fn a_burst_then_a_steady_rate() {
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

    /// LOGIN-8: after a pause of a whole period, exactly the whole burst is allowed again.
    #[test]
    fn a_pause_restores_exactly_the_burst() {
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

    /// LOGIN-8: a quota with a burst of 0 allows nothing.
    #[test]
    fn a_burst_of_zero_refuses() {
        assert!(matches!(
            quota(0, 60).take(None, 5),
            QuotaDecision::Refused { .. }
        ));
    }

    /// LOGIN-8: each password of a request takes one attempt, up to the whole burst. A request may take more attempts
    /// than are left. After that, no attempt is allowed until the debt is paid, which takes at most one period.
    #[test]
    fn each_password_of_a_request_takes_an_attempt() {
        let quota = quota(10, 300);
        let QuotaDecision::Allowed { new_tat } = quota.take_all(None, 0, 4) else {
            panic!("refused a new client")
        };
        assert_eq!(new_tat, 4 * 30_000);
        let QuotaDecision::Allowed { new_tat } = quota.take_all(Some(9 * 30_000), 0, 1_000) else {
            panic!("refused although one attempt is left")
        };
        assert_eq!(
            quota.take(Some(new_tat), 0),
            QuotaDecision::Refused {
                retry_after: TimeDelta::seconds(300)
            }
        );
        assert!(matches!(
            quota.take_all(Some(10 * 30_000), 0, 1),
            QuotaDecision::Refused { .. }
        ));
    }

    proptest! {
        /// LOGIN-8: at most twice the burst is allowed in any period. After the reported wait an attempt is
        /// allowed.
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
