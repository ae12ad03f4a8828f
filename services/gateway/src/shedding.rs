//! Refuses a part of the logins at the edge while authentication refuses logins for load (OPS-8).
//!
//! A login that is refused here costs no other service anything. So under overload the cores of the machine are left for
//! the logins that can succeed.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aikagi_mesh::telemetry::metrics::{Counter, counter};
use aikagi_refusal::{ErrorReason, Refusal};
use serde::Deserialize;
use tokio::time::Instant;

/// When a client whose login was refused may try again.
const RETRY: Duration = Duration::from_secs(1);

static SHED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.logins.shed",
        "Logins that the edge refused because authentication refuses logins for load.",
    )
});

/// `[limits.shedding]`: when the edge refuses logins itself (OPS-8).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SheddingSettings {
    /// How many logins the edge forwards for each login that authentication accepts, at most. The default is 2.
    pub forwarded: u32,
    /// About how far back the edge counts logins. The default is 2 seconds.
    #[serde(with = "humantime_serde")]
    pub period: Duration,
    /// This number of logins for each period is always forwarded, so that the edge notices when authentication
    /// accepts logins again. The default is 20.
    pub always: u32,
    /// If authentication has refused no login for load for this time, the edge forwards all logins again. The default
    /// is half a second.
    #[serde(with = "humantime_serde")]
    pub hold: Duration,
}

impl Default for SheddingSettings {
    fn default() -> Self {
        Self {
            forwarded: 2,
            period: Duration::from_secs(2),
            always: 20,
            hold: Duration::from_millis(500),
        }
    }
}

/// Decides which logins are refused. Clones share the counts.
#[derive(Debug, Clone)]
pub(crate) struct Shedding {
    settings: SheddingSettings,
    recent: Arc<Mutex<Recent>>,
}

/// Counts of recent logins. The longer ago a login was, the less it counts: after one period about a third.
#[derive(Debug)]
struct Recent {
    arrived: f64,
    /// The logins that authentication did not refuse for load.
    accepted: f64,
    /// The time up to which the counts have decayed.
    time: Instant,
    /// When authentication last refused a login for load.
    overloaded: Option<Instant>,
}

impl Shedding {
    pub(crate) fn new(settings: SheddingSettings) -> Self {
        let recent = Recent {
            arrived: 0.0,
            accepted: 0.0,
            time: Instant::now(),
            overloaded: None,
        };
        Self {
            settings,
            recent: Arc::new(Mutex::new(recent)),
        }
    }

    /// OPS-8: counts a login. Fails with `OVERLOADED` if the login is one of those to be refused.
    pub(crate) fn admit(&self) -> Result<(), Refusal> {
        if self.decide(Instant::now(), rand::random()) {
            return Ok(());
        }
        SHED.add(1, &[]);
        Err(Refusal::new(ErrorReason::Overloaded).retry_after(RETRY))
    }

    /// Counts an admitted login as refused by authentication for load.
    pub(crate) fn was_overloaded(&self) {
        self.note_overload(Instant::now());
    }

    fn note_overload(&self, now: Instant) {
        let mut recent = self.recent();
        recent.accepted = (recent.accepted - 1.0).max(0.0);
        recent.overloaded = Some(now);
    }

    /// True if the login is admitted. `draw` is random, from 0 to less than 1.
    fn decide(&self, now: Instant, draw: f64) -> bool {
        let SheddingSettings {
            forwarded,
            period,
            always,
            hold,
        } = self.settings;
        let mut recent = self.recent();
        recent.decay(now, period);
        let is_overloaded = recent
            .overloaded
            .is_some_and(|last| now.saturating_duration_since(last) < hold);
        let forwarded = f64::from(forwarded) * recent.accepted + f64::from(always);
        let refused = (recent.arrived - forwarded) / (recent.arrived + 1.0);
        recent.arrived += 1.0;
        let admitted = !is_overloaded || draw >= refused;
        if admitted {
            recent.accepted += 1.0;
        }
        admitted
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn decay(&mut self, now: Instant, period: Duration) {
        let passed = now.saturating_duration_since(self.time);
        let kept = (-passed.as_secs_f64() / period.as_secs_f64().max(0.001)).exp();
        self.arrived *= kept;
        self.accepted *= kept;
        self.time = self.time.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logins that arrive evenly for some seconds at a service with a capacity.
    struct Arrivals {
        shedding: Shedding,
        now: Instant,
        /// The capacity that is left in the present tenth of a second.
        left: u32,
    }

    #[derive(Debug, Default, Clone, Copy)]
    struct Outcome {
        forwarded: u32,
        served: u32,
    }

    impl Arrivals {
        fn new() -> Self {
            Self {
                shedding: Shedding::new(SheddingSettings::default()),
                now: Instant::now(),
                left: 0,
            }
        }

        /// One second with this number of arrivals for each tenth, of which the service accepts at most `capacity`.
        fn second(&mut self, arriving: u32, capacity: u32) -> Outcome {
            let mut outcome = Outcome::default();
            for _ in 0..10 {
                self.left = capacity;
                for place in 0..arriving {
                    self.now += Duration::from_millis(100) / arriving;
                    // Evenly spread over 0 to 1, in no order: a multiple of the golden ratio.
                    let draw = (f64::from(place) * 0.618_034).fract();
                    if !self.shedding.decide(self.now, draw) {
                        continue;
                    }
                    outcome.forwarded += 1;
                    if self.left > 0 {
                        self.left -= 1;
                        outcome.served += 1;
                    } else {
                        self.shedding.note_overload(self.now);
                    }
                }
            }
            outcome
        }
    }

    /// OPS-8: while authentication accepts all logins, the edge forwards all of them, however many there are.
    #[test]
    fn nothing_is_shed_without_overload() {
        let mut arrivals = Arrivals::new();
        for arriving in [1, 50, 500] {
            let outcome = arrivals.second(arriving, arriving);
            assert_eq!(outcome.served, arriving * 10);
        }
    }

    /// OPS-8: under ten times the load, the edge forwards about twice as many logins as authentication accepts, and all
    /// of the capacity is used.
    #[test]
    fn an_overload_is_shed_at_the_edge() {
        let mut arrivals = Arrivals::new();
        for _ in 0..10 {
            arrivals.second(100, 10);
        }
        let outcome = arrivals.second(100, 10);
        assert_eq!(outcome.served, 100, "{outcome:?}");
        assert!((150..=260).contains(&outcome.forwarded), "{outcome:?}");
    }

    /// OPS-8: half a second after the last login that authentication refused for load, the next login is forwarded.
    #[test]
    fn an_overload_that_is_over_sheds_nothing() {
        let mut arrivals = Arrivals::new();
        for _ in 0..10 {
            arrivals.second(100, 10);
        }
        assert!(!arrivals.shedding.decide(arrivals.now, 0.0));
        arrivals.now += Duration::from_millis(600);
        assert!(arrivals.shedding.decide(arrivals.now, 0.0));
    }

    /// OPS-8: after authentication accepted nothing for a long time, the edge soon forwards everything again.
    #[test]
    fn the_edge_recovers_with_authentication() {
        let mut arrivals = Arrivals::new();
        for _ in 0..60 {
            let outcome = arrivals.second(100, 0);
            assert!(outcome.forwarded > 0);
        }
        for _ in 0..15 {
            arrivals.second(100, 100);
        }
        assert_eq!(arrivals.second(100, 100).served, 1000);
    }
}
