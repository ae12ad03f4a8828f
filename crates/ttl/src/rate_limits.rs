//! `rate:{key}`: attempts per client address (LOGIN-8), by the generic cell rate algorithm.

use std::sync::LazyLock;

use aikagi_domain::limit::{Quota, QuotaDecision};
use chrono::{DateTime, TimeDelta, Utc};
use redis::Script;

use crate::{Store, TtlError};

/// What [`Quota::take`] decides, on the stored theoretical arrival time, in one step. Answers how many milliseconds
/// to wait; 0 means go on.
const TAKE: &str = r"
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or ARGV[1]), now) + interval
local wait = tat - tolerance - now
if wait > 0 then
    return wait
end
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', string.format('%.0f', tat - now))
return 0
";

static TAKE_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(TAKE));

/// Limits per address.
#[derive(Clone, Copy, Debug)]
pub struct Rate<'a>(pub(crate) &'a Store);

impl Rate<'_> {
    /// Takes one attempt out of the quota of this key; the inner error is how long to wait (LOGIN-8). A refused
    /// attempt counts for nothing.
    ///
    /// What is stored is worthless once it expires, so a lost Redis gives every address a full quota again and
    /// loosens nothing else (INV-3).
    pub async fn take(
        &self,
        key: &str,
        quota: &Quota,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TimeDelta>, TtlError> {
        let now = now.timestamp_millis();
        // A quota that never allows anything needs no store.
        if let QuotaDecision::Refused { retry_after } = quota.take(None, now) {
            return Ok(Err(retry_after));
        }
        let mut script = TAKE_SCRIPT.key(format!("rate:{key}"));
        script
            .arg(now)
            .arg(quota.interval_ms())
            .arg(quota.tolerance_ms());
        let wait: i64 = self.0.script(&script).await?;
        if wait > 0 {
            return Ok(Err(
                TimeDelta::try_milliseconds(wait).unwrap_or(TimeDelta::MAX)
            ));
        }
        Ok(Ok(()))
    }
}
