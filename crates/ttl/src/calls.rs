//! `call:{id}`: the record of a call (IVR-12). This crate does not read the record, which is sealed because it
//! can contain keyed digits.

use std::sync::LazyLock;

use chrono::TimeDelta;
use redis::Script;

use crate::error::TtlError;
use crate::store::TtlStore;
use crate::time::lifetime;

/// Replaces version `ARGV[1]` with version `ARGV[2]`. If `ARGV[1]` is empty, writes only if there is no record.
const SAVE: &str = r"
local stored = redis.call('HGET', KEYS[1], 'version')
if ARGV[1] == '' then
    if stored then return 0 end
elseif stored ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
";

static SAVE_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(SAVE));

/// Gives access to the calls.
#[derive(Clone, Copy, Debug)]
pub struct CallStore<'a>(&'a TtlStore);

impl TtlStore {
    /// Gives access to the calls.
    pub fn calls(&self) -> CallStore<'_> {
        CallStore(self)
    }
}

impl CallStore<'_> {
    /// The version and the record of a call. `None` if the call has not started, or if its record
    /// has expired or was lost. The record of an ended call stays until it expires (IVR-12).
    pub async fn load(&self, id: &str) -> Result<Option<(u64, Vec<u8>)>, TtlError> {
        let mut command = redis::cmd("HMGET");
        command.arg(key(id)).arg(&["version", "record"]);
        let found: (Option<u64>, Option<Vec<u8>>) = self.0.command(&command).await?;
        match found {
            (None, None) => Ok(None),
            (Some(version), Some(record)) => Ok(Some((version, record))),
            (Some(_), None) | (None, Some(_)) => Err(TtlError::malformed("HMGET")),
        }
    }

    /// Stores a record for the duration `ttl`, as the version after `expected`. `expected` is the version that the
    /// record replaces. `None` means that no record may exist yet. The first version is 1.
    ///
    /// Returns false, and writes nothing, if the stored version is not `expected`. Then another replica was faster, or
    /// the record was lost.
    pub async fn save(
        &self,
        id: &str,
        expected: Option<u64>,
        record: &[u8],
        ttl: TimeDelta,
    ) -> Result<bool, TtlError> {
        let mut script = SAVE_SCRIPT.key(key(id));
        script
            .arg(expected.map_or_else(String::new, |version| version.to_string()))
            .arg(expected.unwrap_or(0).saturating_add(1))
            .arg(record)
            .arg(lifetime(ttl));
        self.0.script(&script).await
    }

    /// Removes a call.
    pub async fn remove(&self, id: &str) -> Result<(), TtlError> {
        let mut command = redis::cmd("DEL");
        command.arg(key(id));
        self.0.command(&command).await
    }
}

fn key(id: &str) -> String {
    format!("call:{id}")
}
