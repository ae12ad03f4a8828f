//! When an outage is worth a line of the log: decided apart from whoever asks.

use std::collections::BTreeMap;
use std::time::Duration;

use aikagi_domain::fault::{Cause, ErrorType};
use tokio::time::Instant;

/// How often a cause that lasts is logged again.
const AGAIN: Duration = Duration::from_mins(5);

/// What is known of a dependency.
#[derive(Debug, Default)]
pub(super) struct Outages {
    /// The present outage.
    outage: Option<Outage>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    /// When each of its causes was last logged.
    logged: BTreeMap<ErrorType, Instant>,
}

/// What is to be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// The dependency does not answer, because of this.
    Unavailable(Cause),
    /// It answers again, after so long.
    Available { outage: Duration },
}

impl Outages {
    /// Notes an answer. An outage is logged once for each cause and again every five minutes, and its end once.
    pub(super) fn observe(&mut self, answer: Result<(), Cause>, now: Instant) -> Option<Notice> {
        let Err(cause) = answer else {
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
        let is_news = logged.is_none_or(|logged| now.saturating_duration_since(*logged) >= AGAIN);
        is_news.then(|| {
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

    fn logged(answer: Result<(), Cause>) -> Option<Notice> {
        answer.err().map(Notice::Unavailable)
    }

    #[test]
    fn an_outage_is_logged_once_for_each_cause_and_again_after_five_minutes() {
        let mut outages = Outages::default();
        let start = Instant::now();
        let mut at = |second, answer| outages.observe(answer, start + Duration::from_secs(second));
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
        assert_eq!(at(310, CONNECT), logged(CONNECT), "another outage");
    }
}
