//! `rate:{key}`: the attempts of one client address (LOGIN-8), limited by the generic cell rate algorithm.

use std::sync::LazyLock;

use aikagi_domain::limit::{Quota, QuotaDecision};
use chrono::{DateTime, TimeDelta, Utc};
use redis::Script;

use crate::error::TtlError;
use crate::store::TtlStore;

/// Does in one step what [`Quota::take`] decides, with the stored theoretical arrival time. Returns the milliseconds to
/// wait; 0 allows the attempt.
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

/// Access to rate limits.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitStore<'a>(&'a TtlStore);

impl TtlStore {
    /// Access to rate limits.
    pub fn rate_limits(&self) -> RateLimitStore<'_> {
        RateLimitStore(self)
    }
}

impl RateLimitStore<'_> {
    /// Takes one attempt from the quota of this key (LOGIN-8). The inner error is the time to wait. A refused attempt
    /// does not reduce the quota.
    ///
    /// If Redis loses this value, the address has its full quota again. No other limit depends on it (INV-3).
    pub async fn take(
        &self,
        key: &str,
        quota: &Quota,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TimeDelta>, TtlError> {
        let now = now.timestamp_millis();
        // A quota of no attempts needs no store.
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
