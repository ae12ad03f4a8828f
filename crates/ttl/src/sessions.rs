//! `sess:{digest}`: sessions, by the digest of their token (SESS-3). The record is stored sealed: a telephone
//! number is part of it. `sess:of:{number}`: the digests of an account's sessions, for operators who list them; it
//! decides nothing.

use std::sync::LazyLock;

use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, TimeDelta, Utc};
use redis::Script;

use crate::time::{lifetime, moment, remaining};
use crate::{Store, TtlError};

const PUT: &str = r"
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'used', ARGV[2], 'ends', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
";

/// Notes a session among its account's, until the last of them ends; those whose time is over are forgotten.
const NOTE: &str = r"
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', last[2] - ARGV[1]))
return 1
";

/// SESS-1: ends a session whose time is over by the caller's clock, and notes its use unless it is only looked at.
/// A clock that is behind another replica's takes nothing back.
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
static NOTE_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(NOTE));
static TOUCH_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(TOUCH));

/// A session as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What was put, opaque here.
    pub record: Vec<u8>,
    /// When it was last used; this moment, if it was touched.
    pub used: DateTime<Utc>,
    /// When it ends however much it is used.
    pub ends: DateTime<Utc>,
}

/// Sessions.
#[derive(Clone, Copy, Debug)]
pub struct Sess<'a>(pub(crate) &'a Store);

impl Sess<'_> {
    /// Stores a new session of an account, used at this moment: for `idle` unless it is touched, and never beyond
    /// `ends` (SESS-1). One that has ended already is not stored.
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
        let mut note = NOTE_SCRIPT.key(key_of(account));
        note.arg(now.timestamp_millis())
            .arg(ends.timestamp_millis())
            .arg(digest.0.as_slice());
        tokio::try_join!(self.0.script(&script), self.0.script(&note)).map(|((), ())| ())
    }

    /// The digests of an account's sessions, those that will end first before others. Some may have ended.
    pub async fn of(&self, account: &TelephoneNumber) -> Result<Vec<TokenDigest>, TtlError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(key_of(account)).arg(0).arg(-1);
        let found: Vec<Vec<u8>> = self.0.command(&command).await?;
        let digests = found.into_iter().map(|digest| {
            let digest = digest.try_into().map_err(|_length| TtlError::Corrupt)?;
            Ok(TokenDigest(digest))
        });
        digests.collect()
    }

    /// Looks a session up and notes that it was used, or only looks when `peek` (SESS-1: polling by the page is
    /// not use). None when there is none, or its time is over by `now`.
    ///
    /// Whether it is still good is for the ledger to say (INV-1, SESS-2).
    pub async fn touch(
        &self,
        digest: &TokenDigest,
        now: DateTime<Utc>,
        idle: TimeDelta,
        peek: bool,
    ) -> Result<Option<Stored>, TtlError> {
        let mut script = TOUCH_SCRIPT.key(key(digest));
        script
            .arg(now.timestamp_millis())
            .arg(lifetime(idle))
            .arg(i32::from(peek));
        let found: Option<(Vec<u8>, i64, i64)> = self.0.script(&script).await?;
        found
            .map(|(record, used, ends)| {
                Ok(Stored {
                    record,
                    used: moment(used)?,
                    ends: moment(ends)?,
                })
            })
            .transpose()
    }

    /// Forgets a session; `true` if there was one.
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
