//! The `[hashing]` section of a service's settings.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use argon2::Params;
use serde::Deserialize;

use crate::cost::Cost;
use crate::memory::{MemoryError, check_memory};
use crate::seal::{KeyFileError, KeyRing, SealingRing};

/// The cost of one hash, the number of parallel hashes, and the file with the keys.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The file for [`KeyRing::load`], if the service opens hashes.
    #[serde(default)]
    pub key_ring: Option<PathBuf>,
    /// The file for [`SealingRing::load`], if the service only seals hashes (INV-9).
    #[serde(default)]
    pub sealing_ring: Option<PathBuf>,
    /// The memory of one hash, in KiB.
    #[serde(default = "default_memory_kib")]
    pub memory_kib: u32,
    /// The number of passes over the memory.
    #[serde(default = "default_iterations")]
    pub iterations: u32,
    /// The number of lanes of one hash. One thread computes them all, so more lanes do not make a hash faster. With
    /// several lanes, only the portable implementation hashes.
    #[serde(default = "default_parallelism")]
    pub parallelism: u32,
    /// The costs of earlier settings, as long as hashes of these costs may be stored. Every comparison does the work of
    /// the dearest cost (LOGIN-10).
    #[serde(default)]
    pub former: Vec<Cost>,
    /// The number of hashes that run in parallel. The default is the number of cores.
    #[serde(default)]
    pub threads: Option<usize>,
    /// The number of permits beyond the number of threads. The callers that hold them read the stores while other
    /// callers hash, so that no thread waits for a store.
    #[serde(default = "default_ahead")]
    pub ahead: usize,
    /// The implementation that hashes.
    #[serde(default)]
    pub engine: EngineChoice,
    /// The nice value of the hashing threads, 0 to 19. A higher value is a lower priority.
    #[serde(default = "default_nice")]
    pub nice: u8,
    /// The cores of the hashing threads, one core for each thread in this order. By default the threads use all cores.
    #[serde(default)]
    pub cores: Vec<usize>,
    /// The number of callers that may wait for a permit. Further callers are refused.
    #[serde(default = "default_queue")]
    pub queue: usize,
}

/// The setting `hashing.engine`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// The vectorised implementation. The process does not start if it disagrees with the portable one.
    #[default]
    Auto,
    /// The portable implementation. It is two to three times slower.
    Portable,
}

fn default_memory_kib() -> u32 {
    19_456
}

fn default_iterations() -> u32 {
    2
}

fn default_parallelism() -> u32 {
    1
}

fn default_ahead() -> usize {
    2
}

fn default_nice() -> u8 {
    10
}

fn default_queue() -> usize {
    64
}

impl Default for Settings {
    /// The parameters that OWASP recommends, and no keys.
    fn default() -> Self {
        Self {
            key_ring: None,
            sealing_ring: None,
            memory_kib: default_memory_kib(),
            iterations: default_iterations(),
            parallelism: default_parallelism(),
            former: Vec::new(),
            threads: None,
            ahead: default_ahead(),
            engine: EngineChoice::default(),
            nice: default_nice(),
            cores: Vec::new(),
            queue: default_queue(),
        }
    }
}

/// Why settings cannot be used. Each message names the setting.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A number is out of range.
    #[error("hashing.{key}: {reason}")]
    OutOfRange {
        /// The setting, or the settings that contradict each other.
        key: &'static str,
        /// The problem.
        reason: String,
    },
    /// The arenas do not fit into this process's memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The file with the keys cannot be used (INV-9).
    #[error("setting `hashing.{key}`: {source}")]
    Keys {
        /// The setting.
        key: &'static str,
        /// The problem.
        source: KeyFileError,
    },
    /// The service has keys that it must not have, or no keys (INV-9).
    #[error("setting `hashing.{key}`: {reason}")]
    WrongKeys {
        /// The setting.
        key: &'static str,
        /// The problem.
        reason: &'static str,
    },
    /// The two implementations of Argon2id disagree on a known input.
    #[error(
        "the vectorised implementation of Argon2id is wrong on this machine: set `hashing.engine = \"portable\"`"
    )]
    EnginesDisagree,
    /// A hashing thread cannot be started, or cannot get its nice value or core.
    #[error("hashing.{key}: {source}")]
    Thread {
        /// The setting.
        key: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The operating system provides no random bytes for a salt.
    #[error("the operating system provides no random bytes")]
    NoRandomness,
}

impl Settings {
    /// The number of hashes that run in parallel.
    pub fn threads(&self) -> usize {
        self.threads
            .unwrap_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// The number of callers that can hold a permit in parallel.
    pub fn slots(&self) -> usize {
        self.threads().saturating_add(self.ahead)
    }

    /// The cost of a new hash.
    pub fn cost(&self) -> Cost {
        Cost {
            memory_kib: self.memory_kib,
            iterations: self.iterations,
            parallelism: self.parallelism,
        }
    }

    /// The cost of the dearest hash that may be stored (LOGIN-10).
    pub(crate) fn dearest(&self) -> Cost {
        self.costs()
            .max_by_key(|cost| cost.work())
            .unwrap_or(self.cost())
    }

    fn costs(&self) -> impl Iterator<Item = Cost> {
        self.former.iter().copied().chain([self.cost()])
    }

    /// The memory that all parallel hashes need together, in bytes. The service needs more for itself.
    pub fn arena_bytes(&self) -> u64 {
        let memory_kib = self.costs().map(|cost| cost.memory_kib).max();
        (self.threads() as u64)
            .saturating_mul(u64::from(memory_kib.unwrap_or_default()))
            .saturating_mul(1024)
    }

    /// Checks these settings at the start of a service: the numbers and the memory limit.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.params()?;
        Ok(check_memory(self.arena_bytes(), None)?)
    }

    /// INV-9: the keys of a service that opens hashes. Fails if the settings name a sealing ring.
    pub fn key_ring(&self) -> Result<KeyRing, SettingsError> {
        if self.sealing_ring.is_some() {
            return Err(SettingsError::WrongKeys {
                key: "sealing_ring",
                reason: "this service opens hashes: remove this setting, and set `hashing.key_ring`",
            });
        }
        let key = "key_ring";
        let file = given(key, self.key_ring.as_deref())?;
        KeyRing::load(file).map_err(|source| SettingsError::Keys { key, source })
    }

    /// INV-9: the keys of a service that only seals hashes. Fails if the settings name a key ring.
    pub fn sealing_ring(&self) -> Result<SealingRing, SettingsError> {
        if self.key_ring.is_some() {
            return Err(SettingsError::WrongKeys {
                key: "key_ring",
                reason: "this service must not be able to open hashes: remove this setting, and set \
                         `hashing.sealing_ring`",
            });
        }
        let key = "sealing_ring";
        let file = given(key, self.sealing_ring.as_deref())?;
        SealingRing::load(file).map_err(|source| SettingsError::Keys { key, source })
    }

    pub(crate) fn params(&self) -> Result<Params, SettingsError> {
        if self.threads() == 0 {
            return Err(SettingsError::OutOfRange {
                key: "threads",
                reason: "must be at least 1".to_owned(),
            });
        }
        if self.nice > 19 {
            return Err(SettingsError::OutOfRange {
                key: "nice",
                reason: "must be 0 to 19".to_owned(),
            });
        }
        for former in &self.former {
            former.params().map_err(out_of_range("former"))?;
        }
        self.cost()
            .params()
            .map_err(out_of_range("memory_kib, iterations, parallelism"))
    }
}

fn given<'a>(key: &'static str, file: Option<&'a Path>) -> Result<&'a Path, SettingsError> {
    file.ok_or(SettingsError::WrongKeys {
        key,
        reason: "is missing",
    })
}

/// Converts the refusal of a cost into an error that names the setting.
pub(crate) fn out_of_range(key: &'static str) -> impl Fn(argon2::Error) -> SettingsError {
    move |error| SettingsError::OutOfRange {
        key,
        reason: error.to_string(),
    }
}
