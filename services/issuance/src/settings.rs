//! The settings of this service.

use std::path::PathBuf;

use aikagi_domain::credential::CredentialRules;
use aikagi_hashing::CallKeys;
use anyhow::Context as _;
use chrono::TimeDelta;
use serde::Deserialize;

/// The sections of the settings file that only this service has. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The ledger, as role `aikagi_issuance`.
    pub postgres: aikagi_ledger::Settings,
    /// Redis, as user `issuance`.
    pub redis: aikagi_ttl::Settings,
    /// The cost of a hash, and the sealing ring.
    pub hashing: aikagi_hashing::Settings,
    /// The lifetimes and limits of passwords. All services must have the same values.
    #[serde(default)]
    pub credential: CredentialRules,
    /// The keys of calls, and times that apply to calls.
    pub call: CallSettings,
}

/// `[call]`: the keys of calls, and times that apply to calls and their turns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallSettings {
    /// The file for [`CallKeys::load`] (INV-9).
    pub keys: PathBuf,
    /// The time for which a call is stored after its latest turn (IVR-12).
    #[serde(with = "aikagi_domain::duration_text", default = "default_remembered")]
    pub remembered: TimeDelta,
    /// The time for which the IVR platform waits for a key. After it, the turn is a silence (IVR-7).
    #[serde(with = "aikagi_domain::duration_text", default = "default_key_timeout")]
    pub key_timeout: TimeDelta,
}

fn default_remembered() -> TimeDelta {
    TimeDelta::minutes(5)
}

fn default_key_timeout() -> TimeDelta {
    TimeDelta::seconds(10)
}

impl CallSettings {
    /// The default times, with the keys in this file.
    pub fn new(keys: PathBuf) -> Self {
        Self {
            keys,
            remembered: default_remembered(),
            key_timeout: default_key_timeout(),
        }
    }

    /// Reads the keys of calls. Fails if the file is not readable, or is not a file of call keys.
    pub(crate) fn keys(&self) -> anyhow::Result<CallKeys> {
        CallKeys::load(&self.keys).context("setting `call.keys`")
    }
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        self.hashing.check()?;
        self.hashing.sealing_ring()?;
        self.call.keys()?;
        Ok(())
    }
}
