//! Decides whether an outage of a dependency is logged now.

use std::collections::BTreeMap;
use std::time::Duration;

use aikagi_domain::fault::{Cause, ErrorType};
use tokio::time::Instant;

/// During a long outage, each cause is logged again after this time.
const REPEAT: Duration = Duration::from_mins(5);

/// The outages of one dependency.
#[derive(Debug, Default)]
pub(super) struct Outages {
    /// The present outage, if there is one.
    outage: Option<Outage>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    /// The time at which each cause was last logged.
    logged: BTreeMap<ErrorType, Instant>,
}

/// A change that must be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// The dependency is not available, for this cause.
    Unavailable(Cause),
    /// The dependency is available again after an outage of this length.
    Available { outage: Duration },
}

impl Outages {
    /// Records the result of a check. Each cause of an outage is logged once, and again every five minutes. The end of
    /// an outage is logged once.
    pub(super) fn observe(&mut self, result: Result<(), Cause>, now: Instant) -> Option<Notice> {
        let Err(cause) = result else {
            let outage = self.outage.take()?;
            return Some(Notice::Available {
                outage: now.saturating_duration_since(outage.since),
            });
        };
        let outage = self.outage.get_or_insert_with(|| Outage {
            since: now,
            logged: BTreeMap::new(),
        });
        let logged = outage.logged.get(&cause.error_type);
        let is_due = logged.is_none_or(|logged| now.saturating_duration_since(*logged) >= REPEAT);
        is_due.then(|| {
            outage.logged.insert(cause.error_type, now);
            Notice::Unavailable(cause)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECT: Result<(), Cause> = Err(Cause {
        error_type: ErrorType::Connect,
        code: None,
    });
    const TIMEOUT: Result<(), Cause> = Err(Cause {
        error_type: ErrorType::Timeout,
        code: None,
    });

    fn logged(result: Result<(), Cause>) -> Option<Notice> {
        result.err().map(Notice::Unavailable)
    }

    #[test]
    fn an_outage_is_logged_once_for_each_cause_and_again_after_five_minutes() {
        let mut outages = Outages::default();
        let start = Instant::now();
        let mut at = |second, result| outages.observe(result, start + Duration::from_secs(second));
        assert_eq!(at(0, Ok(())), None);
        assert_eq!(at(2, CONNECT), logged(CONNECT));
        assert_eq!(at(4, CONNECT), None);
        assert_eq!(at(6, TIMEOUT), logged(TIMEOUT));
        assert_eq!(at(8, CONNECT), None);
        assert_eq!(at(301, CONNECT), None);
        assert_eq!(at(302, CONNECT), logged(CONNECT));
        assert_eq!(at(304, TIMEOUT), None);
        let outage = Duration::from_secs(304);
        assert_eq!(at(306, Ok(())), Some(Notice::Available { outage }));
        assert_eq!(at(308, Ok(())), None);
        assert_eq!(at(310, CONNECT), logged(CONNECT), "each outage is logged");
    }
}
