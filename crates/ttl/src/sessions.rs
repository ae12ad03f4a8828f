//! Sessions.
//!
//! `sess:{digest}`: a session under the digest of its token (SESS-3). Its record is sealed, because it contains a
//! telephone number. `sess:of:{number}`: the digests of an account's sessions. With this list, operators and
//! subscribers see the sessions, and a subscriber ends one (SESS-7). The list never decides whether a session is valid.

use std::sync::LazyLock;

use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, TimeDelta, Utc};
use redis::Script;

use crate::error::TtlError;
use crate::store::{EVALSHA, TtlStore};
use crate::time::{lifetime, moment, remaining};

/// Stores a session with its times of last use and end, until it expires.
const PUT: &str = r"
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'used', ARGV[2], 'ends', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
";

/// Adds a session to its account's list, removes ended sessions from the list, and keeps the list until its
/// last session ends.
const ADD_TO_ACCOUNT: &str = r"
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', last[2] - ARGV[1]))
return 1
";

/// SESS-1: removes a session that has ended by the caller's clock. Otherwise records its use, unless the caller only
/// peeks. If the caller's clock is behind another replica's, the later use stays recorded.
const TOUCH: &str = r"
local found = redis.call('HMGET', KEYS[1], 'record', 'used', 'ends')
if not found[1] then
    return false
end
local now, idle, used, ends = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(found[2]), tonumber(found[3])
if not used or not ends then
    return {found[1]}
end
if used + idle <= now or ends <= now then
    redis.call('DEL', KEYS[1])
    return false
end
if ARGV[3] == '0' and now > used then
    redis.call('HSET', KEYS[1], 'used', ARGV[1])
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(idle, ends - now)))
    return {found[1], ARGV[1], found[3]}
end
return found
";

static PUT_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(PUT));
static ADD_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(ADD_TO_ACCOUNT));
static TOUCH_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(TOUCH));

/// A session in Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEntry {
    /// The sealed record. This crate does not open it.
    pub record: Vec<u8>,
    /// When the session was last used. After a touch that records a use, this is the time of the touch, or of a later
    /// use by a replica whose clock is ahead.
    pub used: DateTime<Utc>,
    /// When the session ends, even if it is in use.
    pub ends: DateTime<Utc>,
}

/// Gives access to the sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionStore<'a>(&'a TtlStore);

impl TtlStore {
    /// Gives access to the sessions.
    pub fn sessions(&self) -> SessionStore<'_> {
        SessionStore(self)
    }
}

impl SessionStore<'_> {
    /// Stores a new session of an account, last used at `now`. It ends after the duration `idle` without a touch, and
    /// at the latest at `ends` (SESS-1). A session that has already ended is not stored.
    pub async fn put(
        &self,
        digest: &TokenDigest,
        account: &TelephoneNumber,
        record: &[u8],
        now: DateTime<Utc>,
        idle: TimeDelta,
        ends: DateTime<Utc>,
    ) -> Result<(), TtlError> {
        let Some(left) = remaining(ends, now) else {
            return Ok(());
        };
        let mut script = PUT_SCRIPT.key(key(digest));
        script
            .arg(record)
            .arg(now.timestamp_millis())
            .arg(ends.timestamp_millis())
            .arg(lifetime(idle).min(left));
        let mut add = ADD_SCRIPT.key(key_of(account));
        add.arg(now.timestamp_millis())
            .arg(ends.timestamp_millis())
            .arg(digest.0.as_slice());
        tokio::try_join!(self.0.script(&script), self.0.script(&add)).map(|((), ())| ())
    }

    /// The digests of an account's sessions, in the order in which they end. Some may have ended.
    pub async fn of(&self, account: &TelephoneNumber) -> Result<Vec<TokenDigest>, TtlError> {
        self.range_of(account, 0).await
    }

    /// Like [`Self::of`], but only the `count` digests of the sessions that end last. `count` is not 0.
    pub async fn last_of(
        &self,
        account: &TelephoneNumber,
        count: usize,
    ) -> Result<Vec<TokenDigest>, TtlError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.range_of(account, -count).await
    }

    /// The digests of an account's sessions from this place. A negative place counts from the end.
    async fn range_of(
        &self,
        account: &TelephoneNumber,
        from: i64,
    ) -> Result<Vec<TokenDigest>, TtlError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(key_of(account)).arg(from).arg(-1);
        let found: Vec<Vec<u8>> = self.0.command(&command).await?;
        let digests = found.into_iter().map(|digest| {
            let digest = digest
                .try_into()
                .map_err(|_length| TtlError::malformed("ZRANGE"))?;
            Ok(TokenDigest(digest))
        });
        digests.collect()
    }

    /// Reads a session and records its use at `now`. If `peek` is true, no use is recorded: a page that only polls does
    /// not use the session (SESS-1). `None` if there is no such session, or if it has ended by `now`.
    ///
    /// The ledger decides whether the session is still valid (INV-1, SESS-2).
    pub async fn touch(
        &self,
        digest: &TokenDigest,
        now: DateTime<Utc>,
        idle: TimeDelta,
        peek: bool,
    ) -> Result<Option<SessionEntry>, TtlError> {
        let mut script = TOUCH_SCRIPT.key(key(digest));
        script
            .arg(now.timestamp_millis())
            .arg(lifetime(idle))
            .arg(i32::from(peek));
        let found: Option<(Vec<u8>, i64, i64)> = self.0.script(&script).await?;
        found
            .map(|(record, used, ends)| {
                Ok(SessionEntry {
                    record,
                    used: moment(used, EVALSHA)?,
                    ends: moment(ends, EVALSHA)?,
                })
            })
            .transpose()
    }

    /// Removes a session. Returns true if there was one.
    pub async fn remove(&self, digest: &TokenDigest) -> Result<bool, TtlError> {
        let mut command = redis::cmd("DEL");
        command.arg(key(digest));
        self.0.command(&command).await
    }
}

fn key_of(account: &TelephoneNumber) -> String {
    format!("sess:of:{}", account.as_str())
}

fn key(digest: &TokenDigest) -> String {
    digest
        .0
        .iter()
        .fold(String::from("sess:"), |mut key, byte| {
            for half in [byte >> 4, byte & 15] {
                key.extend(char::from_digit(u32::from(half), 16));
            }
            key
        })
}
