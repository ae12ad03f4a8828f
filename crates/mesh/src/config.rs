//! Settings: one TOML file for each service, overridden by the environment, checked before a port is
//! bound. Unknown keys are refused, and every error names the key's path.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Environment, File, FileFormat, Map, Value};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Variables of the environment that begin with this override settings: `AIKAGI__SERVER__LISTEN` is
/// `server.listen`.
pub const ENVIRONMENT_PREFIX: &str = "AIKAGI";

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read, or is not TOML.
    #[error("settings file {path}: {text}")]
    File {
        /// The settings file.
        path: PathBuf,
        /// What is wrong with it.
        text: String,
    },
    /// A key is unknown, missing, or has a value that cannot be used.
    #[error("setting `{key}`: {text}")]
    Key {
        /// The key's path, such as `server.listen`.
        key: String,
        /// What is wrong with it.
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
    // The service's part comes first, because it is the part that finds a misspelt section name.
    let own = deserialize(own.into())?;
    Ok((deserialize(common.into())?, own))
}

/// Reads the settings of a job, which serves nothing and so has no common sections.
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
    /// The address to listen on, and how many RPCs are taken on.
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

/// `[server]`: where a service listens and how much it takes on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Calls in progress beyond which new ones are refused (LOGIN-4).
    #[serde(default = "ServerSettings::default_max_in_flight")]
    pub max_in_flight: usize,
    /// The deadline of a call that brings none.
    #[serde(default = "ServerSettings::default_deadline", with = "humantime_serde")]
    pub deadline: Duration,
    /// How long calls in progress may go on after a SIGTERM.
    #[serde(default = "ServerSettings::default_drain", with = "humantime_serde")]
    pub drain: Duration,
}

impl ServerSettings {
    /// Settings for an address, everything else as by default.
    pub fn listening_on(listen: SocketAddr) -> Self {
        Self {
            listen,
            max_in_flight: Self::default_max_in_flight(),
            deadline: Self::default_deadline(),
            drain: Self::default_drain(),
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

/// `[identity]`: who this service is, and whom it believes. Files are PEM and are read again when they
/// change.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySettings {
    /// The certificate chain, the service's own first; its SAN holds `spiffe://aikagi/<name>`.
    pub certificate: PathBuf,
    /// The private key; no one but the owner may read it.
    pub key: PathBuf,
    /// The authorities whose certificates are believed.
    pub authorities: PathBuf,
    /// How often the files are looked at for a change.
    #[serde(default = "IdentitySettings::default_reload", with = "humantime_serde")]
    pub reload: Duration,
}

impl IdentitySettings {
    fn default_reload() -> Duration {
        Duration::from_secs(10)
    }
}

/// `upstreams.*`: the addresses of a workload's replicas, `host:port`, at least one. Each address that a host name
/// resolves to is a replica.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Replicas(Vec<String>);

/// Addresses that no upstream can have.
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

/// `[telemetry]`: how the service tells what it does. Levels come from `RUST_LOG`, the collector from
/// the standard `OTEL_*` variables.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// How log lines look.
    #[serde(default)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Pretty,
}

/// Refuses a file of secrets that others than its owner may read.
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
            "mode {:03o} lets others read a secret; make it 600",
            mode & 0o777
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
