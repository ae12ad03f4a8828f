//! `call:{id}`: the state of a call's dialog (IVR-12). What is in it is the caller's business; it is stored
//! sealed, because what was keyed is part of it.

use std::sync::LazyLock;

use chrono::TimeDelta;
use redis::Script;

use crate::time::lifetime;
use crate::{Store, TtlError};

/// Compares and sets: writes version `ARGV[2]` over version `ARGV[1]`, or over nothing when that is empty.
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

/// Call dialogs.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a>(pub(crate) &'a Store);

impl Call<'_> {
    /// The version and the record of a call; none when it never was, is over or was abandoned.
    pub async fn load(&self, id: &str) -> Result<Option<(u64, Vec<u8>)>, TtlError> {
        let mut command = redis::cmd("HMGET");
        command.arg(key(id)).arg(&["version", "record"]);
        let found: (Option<u64>, Option<Vec<u8>>) = self.0.command(&command).await?;
        match found {
            (None, None) => Ok(None),
            (Some(version), Some(record)) => Ok(Some((version, record))),
            (Some(_), None) | (None, Some(_)) => Err(TtlError::Corrupt),
        }
    }

    /// Stores a record over the version that it was made from (`None`: over nothing), for `ttl` from now. The new
    /// version is one more; the first is 1.
    ///
    /// `false` when another replica was faster: nothing was written.
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

    /// Forgets a call.
    pub async fn remove(&self, id: &str) -> Result<(), TtlError> {
        let mut command = redis::cmd("DEL");
        command.arg(key(id));
        self.0.command(&command).await
    }
}

fn key(id: &str) -> String {
    format!("call:{id}")
}
