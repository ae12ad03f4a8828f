//! The `[postgres]` section of a service's settings.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use aikagi_domain::duration_text;
use chrono::TimeDelta;
use serde::Deserialize;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use zeroize::Zeroizing;

/// Time limits of each connection. With them the database stops work that the caller has given up. The time limit of a
/// statement is a setting.
const LIMITS: [(&str, &str); 2] = [
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "10s"),
];

/// The server, the database and the role. Debug prints no credentials (INV-8).
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `postgres://role@host:port/database`, with the parameters of libpq (`sslmode`, `sslrootcert`, ...).
    pub url: String,
    /// Servers as `host` or `host:port`; one of them is the primary. If given, they replace the server of the URL. A
    /// connection goes to the first server that accepts durable changes.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The file with the role's password. It overrides a password in the URL. The file must be readable only by its
    /// owner.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The maximum number of connections.
    #[serde(default = "default_max_connections")]
    pub max_connections: u32,
    /// The maximum time that a statement waits for a connection. After that the ledger counts as unavailable.
    #[serde(default = "default_acquire_timeout", with = "duration_text")]
    pub acquire_timeout: TimeDelta,
    /// The maximum time of a statement. PostgreSQL stops it after this time. If the server then stays silent for half a
    /// second more, the connection is closed.
    #[serde(default = "default_statement_timeout", with = "duration_text")]
    pub statement_timeout: TimeDelta,
    /// The maximum age of a connection. An older one is closed before its next use.
    #[serde(default = "default_max_lifetime", with = "duration_text")]
    pub max_lifetime: TimeDelta,
}

fn default_max_connections() -> u32 {
    16
}

fn default_acquire_timeout() -> TimeDelta {
    TimeDelta::seconds(2)
}

fn default_statement_timeout() -> TimeDelta {
    TimeDelta::seconds(3)
}

fn default_max_lifetime() -> TimeDelta {
    TimeDelta::minutes(30)
}

/// Why settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL is not a PostgreSQL URL. The error does not contain the URL, which may contain a password.
    #[error("postgres.url is not a PostgreSQL URL")]
    Url,
    /// A host is empty, or its port is not a number.
    #[error("postgres.hosts: `{0}` is not a host or host:port")]
    Host(String),
    /// A duration is 0 or negative. The error names its key.
    #[error("postgres.{0} must be positive")]
    Duration(&'static str),
    /// The password file cannot be read, or other users can read it.
    #[error("postgres.password_file {path}: {text}")]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// The problem.
        text: String,
    },
}

impl Settings {
    /// Settings with this URL and the defaults of all other keys.
    pub fn for_url(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            hosts: Vec::new(),
            password_file: None,
            max_connections: default_max_connections(),
            acquire_timeout: default_acquire_timeout(),
            statement_timeout: default_statement_timeout(),
            max_lifetime: default_max_lifetime(),
        }
    }

    pub(crate) fn acquire_timeout(&self) -> Result<Duration, SettingsError> {
        positive(self.acquire_timeout, "acquire_timeout")
    }

    pub(crate) fn statement_timeout(&self) -> Result<Duration, SettingsError> {
        positive(self.statement_timeout, "statement_timeout")
    }

    pub(crate) fn max_lifetime(&self) -> Result<Duration, SettingsError> {
        positive(self.max_lifetime, "max_lifetime")
    }

    /// The options of a connection to each server.
    pub(crate) fn servers(&self) -> Result<Vec<PgConnectOptions>, SettingsError> {
        let options = self.options()?;
        if self.hosts.is_empty() {
            return Ok(vec![options]);
        }
        let hosts = self.hosts.iter();
        hosts.map(|host| at_host(options.clone(), host)).collect()
    }

    /// The options of a connection. Fails if a setting is invalid, as far as that can be checked without connecting.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, SettingsError> {
        // The driver itself accepts any scheme.
        let schemes = ["postgres://", "postgresql://"];
        if !schemes.iter().any(|scheme| self.url.starts_with(scheme)) {
            return Err(SettingsError::Url);
        }
        let options = PgConnectOptions::from_str(&self.url)
            .map_err(|_unreadable| SettingsError::Url)?
            // Otherwise the driver logs statements, and slow ones as warnings.
            .disable_statement_logging()
            .options(LIMITS)
            .options([(
                "statement_timeout",
                format!("{}ms", self.statement_timeout()?.as_millis()),
            )]);
        match &self.password_file {
            None => Ok(options),
            Some(path) => {
                let password = read_password(path)?;
                Ok(options.password(password.trim_end_matches(['\r', '\n'])))
            }
        }
    }
}

fn positive(value: TimeDelta, key: &'static str) -> Result<Duration, SettingsError> {
    let value = value.to_std().unwrap_or_default();
    if value.is_zero() {
        return Err(SettingsError::Duration(key));
    }
    Ok(value)
}

/// The options with the server `host` or `host:port`. An IPv6 address with a port is in brackets.
fn at_host(options: PgConnectOptions, host: &str) -> Result<PgConnectOptions, SettingsError> {
    let refuse = || SettingsError::Host(host.to_owned());
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if name.is_empty() {
        return Err(refuse());
    }
    let options = options.host(name);
    match port {
        Some(port) => Ok(options.port(port.parse().map_err(|_not_a_number| refuse())?)),
        None => Ok(options),
    }
}

fn read_password(path: &Path) -> Result<Zeroizing<String>, SettingsError> {
    let refuse = |text: String| SettingsError::PasswordFile {
        path: path.to_owned(),
        text,
    };
    let metadata = std::fs::metadata(path).map_err(|error| refuse(error.kind().to_string()))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(refuse(format!(
            "mode {mode:03o} gives other users access; set it to 600"
        )));
    }
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| refuse(error.kind().to_string()))
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("hosts", &self.hosts)
            .field("password_file", &self.password_file)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-8: settings are printed without credentials.
    #[test]
    fn unknown_keys_are_refused_and_credentials_are_not_printed() {
        let settings: Settings =
            toml::from_str("url = \"postgres://aikagi_units:secret@host/aikagi\"").unwrap();
        let limits = (settings.max_connections, settings.acquire_timeout);
        assert_eq!(limits, (16, TimeDelta::seconds(2)));
        assert!(!format!("{settings:?}").contains("secret"));
        toml::from_str::<Settings>("url = \"postgres://host\"\npool = 1").unwrap_err();
        toml::from_str::<Settings>("max_connections = 1").unwrap_err();
    }

    #[test]
    fn an_invalid_password_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        let mut settings = Settings::for_url("postgres://aikagi_units@host/aikagi");
        settings.password_file = Some(file.clone());
        let refused = |settings: &Settings| settings.options().unwrap_err().to_string();
        assert!(refused(&settings).contains(file.to_str().unwrap()));
        std::fs::write(&file, "secret\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(refused(&settings).contains("mode 640"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        settings.options().unwrap();
        let refused = Settings::for_url("redis://host").options().unwrap_err();
        assert!(matches!(refused, SettingsError::Url));
    }
}
