//! Settings: one TOML file for each service, overridden by the environment, checked before a port is
//! bound. Unknown keys are refused, and every error names the key's path.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Environment, File, FileFormat};
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

/// Reads settings from a file, then from the environment.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let file_error = |text: String| ConfigError::File {
        path: path.to_path_buf(),
        text,
    };
    let text = std::fs::read_to_string(path).map_err(|error| file_error(error.to_string()))?;
    let environment = Environment::with_prefix(ENVIRONMENT_PREFIX)
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true);
    let config = Config::builder()
        .add_source(File::from_str(&text, FileFormat::Toml))
        .add_source(environment)
        .build()
        .map_err(|error| file_error(error.to_string()))?;
    serde_path_to_error::deserialize(config).map_err(|error| ConfigError::Key {
        key: error.path().to_string(),
        text: error.inner().to_string(),
    })
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
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Settings {
        server: ServerSettings,
        #[serde(default)]
        telemetry: TelemetrySettings,
    }

    fn load_text(text: &str) -> Result<Settings, ConfigError> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        load(file.path())
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_path() {
        let error =
            load_text("[server]\nlisten = \"127.0.0.1:1\"\nlisen = 1\n").expect_err("unknown key");
        assert!(error.to_string().contains("server"), "{error}");
        assert!(error.to_string().contains("lisen"), "{error}");
    }

    #[test]
    fn a_missing_or_malformed_value_is_refused_by_its_path() {
        let error = load_text("[server]\n").expect_err("missing key");
        assert!(error.to_string().contains("listen"), "{error}");
        let error = load_text("[server]\nlisten = \"nowhere\"\n").expect_err("malformed");
        assert!(error.to_string().contains("server.listen"), "{error}");
    }

    #[test]
    fn durations_are_written_for_people() {
        let settings =
            load_text("[server]\nlisten = \"127.0.0.1:1\"\ndeadline = \"1500ms\"\n").expect("good");
        assert_eq!(settings.server.deadline, Duration::from_millis(1500));
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644))
            .expect("mode");
        assert!(
            check_private(file.path())
                .expect_err("refused")
                .to_string()
                .contains("644")
        );
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600))
            .expect("mode");
        check_private(file.path()).expect("accepted");
    }
}
