//! The `[redis]` section of a service's settings.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aikagi_domain::duration_text;
use aikagi_domain::fault::Endpoint;
use chrono::TimeDelta;
use serde::Deserialize;
use zeroize::Zeroizing;

/// The address of Redis, and the time limit of an operation. Debug shows no credentials.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Stand-alone: `redis://user@host:port`, `rediss://…` with TLS, or `unix:///path?user=…`.
    /// Sentinel: `redis+sentinel://user@host:port,host:port/master-name`.
    /// Cluster: `redis+cluster://user@host:port,host:port`.
    /// `rediss+sentinel` and `rediss+cluster` use TLS. TLS trusts the authorities of the machine.
    pub url: String,
    /// A file with the user's password. It replaces a password in the URL. Only its owner may have access to it.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The time limit of one operation, including the time to connect.
    #[serde(default = "default_response_timeout", with = "duration_text")]
    pub response_timeout: TimeDelta,
}

fn default_response_timeout() -> TimeDelta {
    TimeDelta::milliseconds(500)
}

impl Settings {
    /// Settings with this URL and the defaults of all other keys.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password_file: None,
            response_timeout: default_response_timeout(),
        }
    }
}

impl Settings {
    /// The address of Redis: the part of the URL between the user and the path.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let end = if scheme == "unix" { "?" } else { "/?" };
        let authority = rest
            .split(|letter| end.contains(letter))
            .next()
            .unwrap_or_default();
        let hosts = authority
            .rsplit_once('@')
            .map_or(authority, |(_user, hosts)| hosts);
        let alone = (scheme != "unix" && !hosts.contains(','))
            .then(|| hosts.rsplit_once(':'))
            .flatten()
            .and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match alone {
            Some((host, port)) => Endpoint {
                address: host.to_owned(),
                port: Some(port),
            },
            None => Endpoint {
                address: hosts.to_owned(),
                port: None,
            },
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &"..")
            .field("password_file", &self.password_file)
            .field("response_timeout", &self.response_timeout)
            .finish()
    }
}

/// Why settings cannot be used. The message does not contain the URL, which can contain a password.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL is malformed.
    #[error("redis.url: {0}")]
    Url(&'static str),
    /// The time limit is negative.
    #[error("redis.response_timeout: must not be negative")]
    ResponseTimeout,
    /// The password file cannot be read, or users other than its owner have access to it.
    #[error("redis.password_file {path}: {text}")]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// The problem.
        text: String,
    },
}

/// Reads a password from a file to which only its owner has access. A line break at the end is not part of the
/// password.
pub(crate) fn read_password(path: &Path) -> Result<Zeroizing<String>, SettingsError> {
    let refuse = |text: String| SettingsError::PasswordFile {
        path: path.to_owned(),
        text,
    };
    let metadata = std::fs::metadata(path).map_err(|error| refuse(error.kind().to_string()))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(refuse(format!(
            "mode {mode:03o} gives others access; set it to 600"
        )));
    }
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| refuse(error.kind().to_string()))?;
    Ok(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_and_debug_shows_no_password() {
        let settings: Settings =
            toml::from_str("url = \"redis://issuance:secret@host\"\nresponse_timeout = \"250ms\"")
                .unwrap();
        assert_eq!(settings.response_timeout, TimeDelta::milliseconds(250));
        assert!(!format!("{settings:?}").contains("secret"));
        toml::from_str::<Settings>("url = \"redis://host\"\ntimeout = \"1s\"").unwrap_err();
        toml::from_str::<Settings>("response_timeout = \"1s\"").unwrap_err();
    }

    /// INV-8: the endpoint in the log is the address of Redis. It contains neither the user nor the password.
    #[test]
    fn an_endpoint_contains_no_credentials() {
        for (url, address, port) in [
            ("redis://issuance:secret@one:6379/0", "one", Some(6379)),
            ("rediss://issuance@redis.example", "redis.example", None),
            (
                "unix:///run/redis.sock?user=issuance&pass=secret",
                "/run/redis.sock",
                None,
            ),
            (
                "rediss+sentinel://issuance:secret@one:26379,two:26379/aikagi",
                "one:26379,two:26379",
                None,
            ),
            (
                "redis+cluster://issuance:se@cret@one:6379",
                "one",
                Some(6379),
            ),
        ] {
            let endpoint = Settings::new(url).endpoint();
            assert_eq!((endpoint.address.as_str(), endpoint.port), (address, port));
        }
    }
}
