//! `temp:{number}`: the hash of a number's temporary password, until it expires (IVR-9).

use std::fmt;
use std::sync::LazyLock;

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, Utc};
use redis::Script;

use crate::time::{moment, remaining};
use crate::{Store, TtlError};

/// Writes only over an older epoch. Epochs are compared as text: a number in Lua is too short for them.
const PUT: &str = r"
local stored = redis.call('HGET', KEYS[1], 'epoch')
local new = ARGV[1]
if stored and (#stored > #new or (#stored == #new and stored >= new)) then
    return 0
end
redis.call('HSET', KEYS[1], 'epoch', new, 'hash', ARGV[2], 'expires', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
";

static PUT_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(PUT));

/// A temporary password as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryRecord {
    /// The credential that it belongs to; under any other it is dead (INV-1).
    pub epoch: Epoch,
    /// Its hash, sealed for the number and the epoch (INV-9).
    pub sealed_hash: Vec<u8>,
    /// When it ends, to the millisecond.
    pub expires: DateTime<Utc>,
}

impl fmt::Debug for TemporaryRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryRecord")
            .field("epoch", &self.epoch)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Temporary passwords.
#[derive(Clone, Copy, Debug)]
pub struct Temp<'a>(pub(crate) &'a Store);

impl Temp<'_> {
    /// Stores a temporary password until it expires, in place of an earlier one.
    ///
    /// `false` when nothing was written: the stored one is as new or newer (INV-1; two calls that crossed), or
    /// this one has expired already.
    pub async fn put(
        &self,
        number: &TelephoneNumber,
        record: &TemporaryRecord,
        now: DateTime<Utc>,
    ) -> Result<bool, TtlError> {
        let Some(lifetime) = remaining(record.expires, now) else {
            return Ok(false);
        };
        let mut script = PUT_SCRIPT.key(key(number));
        script
            .arg(record.epoch.0)
            .arg(record.sealed_hash.as_slice())
            .arg(record.expires.timestamp_millis())
            .arg(lifetime);
        self.0.script(&script).await
    }

    /// The stored temporary password, whatever its epoch. The caller holds epoch and expiry against the ledger.
    pub async fn get(&self, number: &TelephoneNumber) -> Result<Option<TemporaryRecord>, TtlError> {
        let mut command = redis::cmd("HMGET");
        command.arg(key(number)).arg(&["epoch", "hash", "expires"]);
        let found: (Option<i64>, Option<Vec<u8>>, Option<i64>) = self.0.command(&command).await?;
        match found {
            (None, None, None) => Ok(None),
            (Some(epoch), Some(sealed_hash), Some(expires)) => Ok(Some(TemporaryRecord {
                epoch: Epoch(epoch),
                sealed_hash,
                expires: moment(expires)?,
            })),
            (Some(_) | None, Some(_) | None, Some(_) | None) => Err(TtlError::Corrupt),
        }
    }
}

fn key(number: &TelephoneNumber) -> String {
    format!("temp:{}", number.as_str())
}
