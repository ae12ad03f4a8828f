//! One test for each cause of an outage, on real stores. The log has one warning with the cause,
//! one line at the end of the outage, and no secret. The causes of failed RPCs between workloads
//! are tested in the crate `mesh`.

mod operations;
mod postgresql;
mod redis;

use std::time::Duration;

use aikagi_domain::fault::{Dependency, ErrorType};
use aikagi_fixtures::{LogLine, LogLines};
use aikagi_mesh::health::Readiness;
use aikagi_mesh::shutdown::Shutdown;
use tracing::Level;

/// The time of two checks, in which nothing more may be logged.
const TWO_CHECKS: Duration = Duration::from_millis(4500);

const UNAVAILABLE: &str = "dependency unavailable";
const AVAILABLE: &str = "dependency available";

/// The checks of a dependency, as in a service, and the lines that they log.
struct Outage {
    lines: LogLines,
    shutdown: Shutdown,
}

impl Drop for Outage {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

impl Outage {
    /// Starts the checks of a dependency that is available.
    async fn of(dependency: impl Dependency) -> Self {
        let outage = Self {
            lines: LogLines::record(),
            shutdown: Shutdown::new(),
        };
        let readiness = Readiness::always().and(dependency);
        drop(readiness.serve(Vec::new(), &outage.shutdown).await);
        assert_eq!(outage.lines.all(), []);
        outage
    }

    /// Waits for the warning with this cause, and then for two more checks. [`Self::ends`] finds a
    /// repeated warning.
    async fn begins(&self, expected: ErrorType) -> LogLine {
        let is_expected = |line: &LogLine| line.field("error.type") == expected.as_str();
        let line = self.lines.wait_for(UNAVAILABLE, is_expected).await;
        assert_eq!(line.level, Level::WARN);
        assert_ne!(line.field("server.address"), "");
        tokio::time::sleep(TWO_CHECKS).await;
        line
    }

    /// Waits for the end of the outage. Checks that each cause was logged once, the end was logged
    /// once, and no line contains a secret.
    async fn ends(&self, expected: ErrorType, secrets: &[&str]) {
        let end = self.lines.wait_for(AVAILABLE, |_| true).await;
        assert_eq!(end.level, Level::INFO);
        tokio::time::sleep(TWO_CHECKS).await;
        assert_eq!(self.lines.of(AVAILABLE).len(), 1);
        let unavailable = self.lines.of(UNAVAILABLE);
        let mut causes: Vec<&str> = unavailable
            .iter()
            .map(|line| line.field("error.type"))
            .collect();
        let all = causes.len();
        causes.sort_unstable();
        causes.dedup();
        assert_eq!(causes.len(), all, "{unavailable:#?}");
        assert!(causes.contains(&expected.as_str()), "{unavailable:#?}");
        let text = format!("{:?}", self.lines.all());
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
