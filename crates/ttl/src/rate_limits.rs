//! `rate:{key}`: the attempts of one client address in all (LOGIN-8) or at one number (LOGIN-9), limited by the generic
//! cell rate algorithm.

use std::sync::LazyLock;

use aikagi_domain::limit::{Quota, QuotaDecision};
use chrono::{DateTime, TimeDelta, Utc};
use redis::Script;

use crate::error::TtlError;
use crate::store::TtlStore;

/// Decides as [`Quota::take_all`] does, with the stored theoretical arrival time (`tat`), and stores the new one. Returns
/// the milliseconds to wait; 0 allows the request.
const TAKE: &str = r"
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or ARGV[1]), now)
local wait = tat + interval - tolerance - now
if wait > 0 then
    return wait
end
tat = tat + interval * tonumber(ARGV[4])
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', string.format('%.0f', tat - now))
return 0
";

/// Moves the stored theoretical arrival time back. A time that has passed is stored for one more millisecond,
/// because the Redis user of the edge (`gateway`) may not delete keys.
const REFUND: &str = r"
local now = tonumber(ARGV[1])
local tat = tonumber(redis.call('GET', KEYS[1]) or ARGV[1]) - tonumber(ARGV[2]) * tonumber(ARGV[3])
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', string.format('%.0f', math.max(tat - now, 1)))
return 0
";

static TAKE_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(TAKE));
static REFUND_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(REFUND));

/// Gives access to the rate limits.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitStore<'a>(&'a TtlStore);

impl TtlStore {
    /// Gives access to the rate limits.
    pub fn rate_limits(&self) -> RateLimitStore<'_> {
        RateLimitStore(self)
    }
}

impl RateLimitStore<'_> {
    /// Takes the attempts of a request from the quota of this key, one for each password (LOGIN-8). The inner error is
    /// the time to wait. A refused request does not reduce the quota.
    ///
    /// If Redis loses this value, the address has its full quota again. No other limit depends on it (INV-3).
    pub async fn take(
        &self,
        key: &str,
        quota: &Quota,
        passwords: u32,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TimeDelta>, TtlError> {
        let now = now.timestamp_millis();
        // A quota of 0 attempts is refused without Redis.
        if let QuotaDecision::Refused { retry_after } = quota.take(None, now) {
            return Ok(Err(retry_after));
        }
        let mut script = TAKE_SCRIPT.key(format!("rate:{key}"));
        script
            .arg(now)
            .arg(quota.interval_ms())
            .arg(quota.tolerance_ms())
            .arg(quota.counted(passwords));
        let wait: i64 = self.0.script(&script).await?;
        if wait > 0 {
            return Ok(Err(
                TimeDelta::try_milliseconds(wait).unwrap_or(TimeDelta::MAX)
            ));
        }
        Ok(Ok(()))
    }

    /// Returns attempts to the quota of this key. At an address, these are attempts whose passwords were right or were
    /// not tried (LOGIN-8). At a number, it is the attempt of a login that was not refused (LOGIN-9).
    pub async fn refund(
        &self,
        key: &str,
        quota: &Quota,
        attempts: u32,
        now: DateTime<Utc>,
    ) -> Result<(), TtlError> {
        let mut script = REFUND_SCRIPT.key(format!("rate:{key}"));
        script
            .arg(now.timestamp_millis())
            .arg(quota.interval_ms())
            .arg(attempts);
        let _done: i64 = self.0.script(&script).await?;
        Ok(())
    }
}
