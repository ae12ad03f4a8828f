//! Settings of the programs: one TOML file for each. Environment variables override the file.
//!
//! Unknown keys are refused, and every error names the path of the key.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Environment, File, FileFormat, Map, Value};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bounds::BoundSettings;
use crate::threads;

/// The prefix of environment variables that override settings: `AIKAGI__SERVER__LISTEN` sets `server.listen`.
pub const ENVIRONMENT_PREFIX: &str = "AIKAGI";

/// The reason why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read, is not TOML, or has a wrong mode.
    #[error("settings file {path}: {text}")]
    File {
        /// The file.
        path: PathBuf,
        /// The problem.
        text: String,
    },
    /// A key is unknown, missing, or has a value that cannot be used.
    #[error("setting `{key}`: {text}")]
    Key {
        /// The key's path, such as `server.listen`.
        key: String,
        /// The problem.
        text: String,
    },
}

/// Reads the settings of a service: the sections that every service has, and the service's own.
///
/// A value in the environment replaces the value in the file. Each part refuses unknown keys.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<(CommonSettings, T), ConfigError> {
    let file_error = |error: config::ConfigError| ConfigError::File {
        path: path.to_path_buf(),
        text: error.to_string(),
    };
    let mut own = read(path)?.cache.into_table().map_err(file_error)?;
    let common: Map<String, Value> = CommonSettings::SECTIONS
        .iter()
        .filter_map(|section| own.remove_entry(*section))
        .collect();
    // A section with a misspelt name is in the service's part. That part is read first, so that the error names the
    // misspelt section, and not the section that is missing.
    let own = deserialize(own.into())?;
    Ok((deserialize(common.into())?, own))
}

/// Reads the settings of a job. A job serves no RPCs, so it has no common sections.
///
/// A value in the environment replaces the value in the file. Unknown keys are refused.
pub fn load_job<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    deserialize(read(path)?.cache)
}

fn read(path: &Path) -> Result<Config, ConfigError> {
    let file_error = |text: String| ConfigError::File {
        path: path.to_path_buf(),
        text,
    };
    let text = std::fs::read_to_string(path).map_err(|error| file_error(error.to_string()))?;
    let environment = Environment::with_prefix(ENVIRONMENT_PREFIX)
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true);
    Config::builder()
        .add_source(File::from_str(&text, FileFormat::Toml))
        .add_source(environment)
        .build()
        .map_err(|error| file_error(error.to_string()))
}

fn deserialize<T: DeserializeOwned>(value: Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(value).map_err(|error| ConfigError::Key {
        key: error.path().to_string(),
        text: error.inner().to_string(),
    })
}

/// The sections that the settings of every service have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonSettings {
    /// The address to listen on, and the limits for RPCs.
    pub server: ServerSettings,
    /// The service's certificate, and the authorities that it trusts.
    pub identity: IdentitySettings,
    /// The format of the log.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

impl CommonSettings {
    const SECTIONS: [&str; 3] = ["server", "identity", "telemetry"];
}

/// `[server]`: the address of a service and its limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The maximum number of RPCs in progress. Further RPCs are refused (LOGIN-4).
    #[serde(default = "ServerSettings::default_max_in_flight")]
    pub max_in_flight: usize,
    /// The time limit of an RPC whose caller sets no deadline.
    #[serde(default = "ServerSettings::default_deadline", with = "humantime_serde")]
    pub deadline: Duration,
    /// The maximum time for which RPCs in progress may continue after the stop begins.
    #[serde(default = "ServerSettings::default_drain", with = "humantime_serde")]
    pub drain: Duration,
    /// The number of threads that serve RPCs, 1 to 512.
    #[serde(default = "threads::default_workers")]
    pub worker_threads: usize,
    /// The bounds that differ from the defaults (OPS-5).
    #[serde(default)]
    pub bounds: BoundSettings,
}

impl ServerSettings {
    /// Settings with this address and otherwise the defaults.
    pub fn listening_on(listen: SocketAddr) -> Self {
        Self {
            listen,
            max_in_flight: Self::default_max_in_flight(),
            deadline: Self::default_deadline(),
            drain: Self::default_drain(),
            worker_threads: threads::default_workers(),
            bounds: BoundSettings::default(),
        }
    }

    fn default_max_in_flight() -> usize {
        1024
    }

    fn default_deadline() -> Duration {
        Duration::from_secs(10)
    }

    fn default_drain() -> Duration {
        Duration::from_secs(20)
    }
}

/// `[identity]`: the certificate of a workload, the authorities that it trusts, and the peers that it refuses. The files
/// are PEM, except the deny list. They are read again after each change.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySettings {
    /// The certificate chain, the workload's own certificate first. Its SAN is `spiffe://aikagi/<name>`.
    pub certificate: PathBuf,
    /// The private key. Only its owner may have access to the file.
    pub key: PathBuf,
    /// The authorities that the workload trusts.
    pub authorities: PathBuf,
    /// The deny list: serial numbers and identities of certificates that the workload refuses (INV-12). Without it,
    /// nobody is denied.
    #[serde(default)]
    pub deny_list: Option<PathBuf>,
    /// The interval at which the files are checked for a change.
    #[serde(default = "IdentitySettings::default_reload", with = "humantime_serde")]
    pub reload: Duration,
}

impl IdentitySettings {
    fn default_reload() -> Duration {
        Duration::from_secs(10)
    }
}

/// `upstreams.*`: the addresses of a workload's replicas, as `host:port`. At least one is needed. Each address that a
/// host name resolves to is a replica.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Replicas(Vec<String>);

/// Why the addresses of an upstream are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicasError {
    /// The list is empty.
    #[error("at least one address is needed")]
    Empty,
    /// An address is not `host:port`.
    #[error("`{0}` is not `host:port`")]
    Malformed(String),
}

impl TryFrom<Vec<String>> for Replicas {
    type Error = ReplicasError;

    fn try_from(addresses: Vec<String>) -> Result<Self, ReplicasError> {
        let is_well_formed = |address: &String| {
            address
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if let Some(malformed) = addresses.iter().find(|address| !is_well_formed(address)) {
            return Err(ReplicasError::Malformed(malformed.clone()));
        }
        if addresses.is_empty() {
            return Err(ReplicasError::Empty);
        }
        Ok(Self(addresses))
    }
}

impl From<Replicas> for Vec<String> {
    fn from(replicas: Replicas) -> Self {
        replicas.0
    }
}

/// `[telemetry]`: the format of the log. `RUST_LOG` sets the levels. The standard `OTEL_*` variables set the collector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySettings {
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The maximum time for the last export, at the stop of the service.
    #[serde(with = "humantime_serde")]
    pub flush: Duration,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            log_format: LogFormat::default(),
            flush: Duration::from_secs(3),
        }
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// Text for people.
    Pretty,
}

/// Fails if anyone but the owner has access to a file with a secret.
pub fn check_private(path: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let file_error = |text: String| ConfigError::File {
        path: path.to_path_buf(),
        text,
    };
    let metadata = std::fs::metadata(path).map_err(|error| file_error(error.to_string()))?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(file_error(format!(
            "mode {:03o} gives others access to a secret; set it to 600",
            mode & 0o777
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
