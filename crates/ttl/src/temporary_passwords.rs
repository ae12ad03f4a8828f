//! `temp:{number}`: the hash of an account's temporary password, until it expires (IVR-9).

use std::fmt;
use std::sync::LazyLock;

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, Utc};
use redis::Script;

use crate::error::TtlError;
use crate::store::TtlStore;
use crate::time::{moment, remaining};

/// Replaces only a record with an older epoch. Epochs are compared as text, because a number in Lua has only 53 bits.
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

/// A stored temporary password.
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryRecord {
    /// The epoch of its credential. The password is valid in no other epoch (INV-1).
    pub epoch: Epoch,
    /// The hash, sealed for the number and the epoch (INV-9).
    pub sealed_hash: Vec<u8>,
    /// When it expires, to the millisecond.
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

/// Gives access to the temporary passwords.
#[derive(Clone, Copy, Debug)]
pub struct TemporaryPasswordStore<'a>(&'a TtlStore);

impl TtlStore {
    /// Gives access to the temporary passwords.
    pub fn temporary_passwords(&self) -> TemporaryPasswordStore<'_> {
        TemporaryPasswordStore(self)
    }
}

impl TemporaryPasswordStore<'_> {
    /// Stores a temporary password until it expires. Replaces an earlier one.
    ///
    /// Returns false if nothing was written. Either the stored password has the same or a newer epoch (INV-1), for
    /// example after two parallel calls. Or the new password has already expired.
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

    /// The stored temporary password, of any epoch. The caller compares its epoch and expiry with the ledger.
    pub async fn get(&self, number: &TelephoneNumber) -> Result<Option<TemporaryRecord>, TtlError> {
        let mut command = redis::cmd("HMGET");
        command.arg(key(number)).arg(&["epoch", "hash", "expires"]);
        let found: (Option<i64>, Option<Vec<u8>>, Option<i64>) = self.0.command(&command).await?;
        match found {
            (None, None, None) => Ok(None),
            (Some(epoch), Some(sealed_hash), Some(expires)) => Ok(Some(TemporaryRecord {
                epoch: Epoch(epoch),
                sealed_hash,
                expires: moment(expires, "HMGET")?,
            })),
            (Some(_) | None, Some(_) | None, Some(_) | None) => Err(TtlError::malformed("HMGET")),
        }
    }
}

fn key(number: &TelephoneNumber) -> String {
    format!("temp:{}", number.as_str())
}
