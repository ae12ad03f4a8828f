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

/// The limits of each connection, so that the database does not continue work that the caller has given up.
const LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "5s"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "10s"),
];

/// The server, the database and the role. Debug prints no credentials (INV-8).
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `postgres://role@host:port/database`, with the parameters of libpq (`sslmode`, `sslrootcert`, ...).
    pub url: String,
    /// The file with the role's password. It overrides a password in the URL. Only its owner may be able to read it.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The maximum number of connections.
    #[serde(default = "default_max_connections")]
    pub max_connections: u32,
    /// The maximum time that a statement waits for a connection. After that the ledger counts as unavailable.
    #[serde(default = "default_acquire_timeout", with = "duration_text")]
    pub acquire_timeout: TimeDelta,
}

fn default_max_connections() -> u32 {
    16
}

fn default_acquire_timeout() -> TimeDelta {
    TimeDelta::seconds(2)
}

/// Why settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL is not a PostgreSQL URL. The error does not contain the URL, which may contain a password.
    #[error("postgres.url is not a PostgreSQL URL")]
    Url,
    /// The acquire timeout is negative.
    #[error("postgres.acquire_timeout must not be negative")]
    AcquireTimeout,
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
            password_file: None,
            max_connections: default_max_connections(),
            acquire_timeout: default_acquire_timeout(),
        }
    }

    pub(crate) fn acquire_timeout(&self) -> Result<Duration, SettingsError> {
        self.acquire_timeout
            .to_std()
            .map_err(|_negative| SettingsError::AcquireTimeout)
    }

    /// The options of a connection. Fails for all settings that can be checked without connecting.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, SettingsError> {
        // The driver itself accepts any scheme.
        let schemes = ["postgres://", "postgresql://"];
        if !schemes.iter().any(|scheme| self.url.starts_with(scheme)) {
            return Err(SettingsError::Url);
        }
        let options = PgConnectOptions::from_str(&self.url)
            .map_err(|_unreadable| SettingsError::Url)?
            // The driver logs statements, and slow ones as warnings.
            .disable_statement_logging()
            .options(LIMITS);
        match &self.password_file {
            None => Ok(options),
            Some(path) => {
                let password = read_password(path)?;
                Ok(options.password(password.trim_end_matches(['\r', '\n'])))
            }
        }
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
            "mode {mode:03o} lets other users read it; set mode 600"
        )));
    }
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| refuse(error.kind().to_string()))
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("password_file", &self.password_file)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-8: settings do not print credentials.
    #[test]
    fn unknown_keys_are_refused_and_credentials_do_not_print() {
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
