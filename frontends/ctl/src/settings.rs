//! The settings of the connection: the system's addresses and the operator's certificate. The sources are flags,
//! environment variables, `state.json` and a settings file. A source overrides the sources after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aikagi_mesh::config::IdentitySettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cli::ConnectionArguments;
use crate::error::{CommandError, ExitKind};

/// The name of the operator's identity in `state.json`.
const OPERATOR: &str = "operator";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const FILE_NAME: &str = "aikagi/aikagictl.toml";

/// The complete settings of the connection.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The gateways' private ports, as `host:port`.
    pub(crate) gateways: Vec<String>,
    /// Certificate, key, authorities and deny list.
    pub(crate) identity: IdentitySettings,
    /// The maximum time of one RPC.
    pub(crate) timeout: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    gateway: Vec<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    authorities: Option<PathBuf>,
    deny_list: Option<PathBuf>,
    #[serde(default)]
    timeout: Option<String>,
}

/// The part of `state.json` that an operator needs.
#[derive(Debug, Deserialize)]
struct SystemFile {
    private: Vec<String>,
    authority: PathBuf,
    identities: BTreeMap<String, Files>,
}

#[derive(Debug, Deserialize)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Settings {
    /// Combines all sources of settings. The error names the missing or invalid setting.
    pub(crate) fn resolve(arguments: ConnectionArguments) -> Result<Self, CommandError> {
        let file = match arguments.config.or_else(default_file) {
            Some(path) => read(&path, |text| {
                toml::from_str(text).map_err(|error| error.to_string())
            })?,
            None => File::default(),
        };
        let state = arguments
            .state
            .as_deref()
            .map(read_state)
            .transpose()?
            .unwrap_or_default();

        let pick =
            |flag: Option<PathBuf>, state: Option<PathBuf>, file: Option<PathBuf>, name: &str| {
                flag.or(state).or(file).ok_or_else(|| missing(name))
            };
        let gateways = [arguments.gateway, state.gateway, file.gateway]
            .into_iter()
            .find(|gateways| !gateways.is_empty())
            .ok_or_else(|| missing("gateway"))?
            .iter()
            .map(|gateway| host_and_port(gateway))
            .collect::<Result<Vec<_>, _>>()?;
        let timeout = match (arguments.timeout, file.timeout) {
            (Some(timeout), _) => timeout,
            (None, Some(text)) => humantime::parse_duration(&text)
                .map_err(|error| CommandError::usage(format!("setting `timeout`: {error}")))?,
            (None, None) => DEFAULT_TIMEOUT,
        };
        Ok(Self {
            gateways,
            identity: IdentitySettings {
                certificate: pick(
                    arguments.certificate,
                    state.certificate,
                    file.certificate,
                    "certificate",
                )?,
                key: pick(arguments.key, state.key, file.key, "key")?,
                authorities: pick(
                    arguments.authorities,
                    state.authorities,
                    file.authorities,
                    "authorities",
                )?,
                deny_list: arguments.deny_list.or(file.deny_list),
                reload: Duration::from_mins(1),
            },
            timeout,
        })
    }
}

fn missing(name: &str) -> CommandError {
    CommandError::usage(format!("setting `{name}` is missing")).hint(format!(
        "set --{name}, AIKAGICTL_{} or `{name}` in a settings file; while `cargo xtask up` runs: --state target/up/state.json",
        name.to_uppercase()
    ))
}

fn read_state(path: &Path) -> Result<File, CommandError> {
    let state: SystemFile = read(path, |text| {
        serde_json::from_str(text).map_err(|error| error.to_string())
    })?;
    let files = state.identities.get(OPERATOR);
    Ok(File {
        gateway: state.private,
        certificate: files.map(|files| files.certificate.clone()),
        key: files.map(|files| files.key.clone()),
        authorities: Some(state.authority),
        deny_list: None,
        timeout: None,
    })
}

fn read<T: DeserializeOwned>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, CommandError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| CommandError::usage(format!("cannot read {shown}: {error}")))?;
    parse(&text).map_err(|error| CommandError::usage(format!("cannot parse {shown}: {error}")))
}

/// The first existing settings file in the default directories.
fn default_file() -> Option<PathBuf> {
    let home = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    home.into_iter()
        .chain([PathBuf::from("/etc")])
        .map(|directory| directory.join(FILE_NAME))
        .find(|file| file.is_file())
}

/// Checks that the text is `host:port`. Removes a leading `https://` and a trailing slash.
fn host_and_port(text: &str) -> Result<String, CommandError> {
    let bare = text
        .strip_prefix("https://")
        .unwrap_or(text)
        .trim_end_matches('/');
    match bare.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(bare.to_owned())
        }
        _ => Err(CommandError::new(
            ExitKind::Usage,
            format!("setting `gateway`: {text} is not host:port"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = r#"{"public": [], "private": ["https://127.0.0.1:8444"], "authority": "/s/ca.pem",
        "identities": {"operator": {"certificate": "/s/operator.pem", "key": "/s/operator.key"}}}"#;

    fn arguments(directory: &Path, state: Option<&str>, config: &str) -> ConnectionArguments {
        let (state_file, config_file) = (directory.join("state.json"), directory.join("ctl.toml"));
        std::fs::write(&state_file, state.unwrap_or_default()).unwrap();
        std::fs::write(&config_file, config).unwrap();
        ConnectionArguments {
            state: state.map(|_| state_file),
            config: Some(config_file),
            ..ConnectionArguments::default()
        }
    }

    #[test]
    fn a_flag_overrides_state_and_state_overrides_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = "gateway = [\"file:1\"]\ntimeout = \"3s\"\nkey = \"/f/key\"";
        let mut arguments = arguments(directory.path(), Some(STATE), file);
        arguments.key = Some("/flag/key".into());
        let settings = Settings::resolve(arguments).unwrap();
        assert_eq!(settings.gateways, ["127.0.0.1:8444"]);
        assert_eq!(settings.identity.key, Path::new("/flag/key"));
        assert_eq!(settings.identity.authorities, Path::new("/s/ca.pem"));
        assert_eq!(settings.timeout, Duration::from_secs(3));
    }

    #[test]
    fn an_invalid_setting_is_named() {
        let directory = tempfile::tempdir().unwrap();
        for (config, named) in [
            ("", "`gateway`"),
            ("gateway = [\"nowhere\"]", "nowhere"),
            ("gateway = [\"a:1\"]", "`certificate`"),
            ("gatway = [\"a:1\"]", "gatway"),
            ("gateway = [\"a:1\"]\ntimeout = \"soon\"", "`timeout`"),
        ] {
            let error = Settings::resolve(arguments(directory.path(), None, config)).unwrap_err();
            assert_eq!(error.kind, ExitKind::Usage);
            assert!(error.message.contains(named), "{config}: {}", error.message);
        }
    }
}
