//! What an operator can set.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use aikagi_domain::guidance::Language;
use aikagi_mesh::config::{IdentitySettings, ServerSettings, TelemetrySettings};
use aikagi_mesh::run::CommonSettings;
use aikagi_mesh::tls::TlsIdentity;
use anyhow::ensure;
use ipnet::IpNet;
use serde::Deserialize;

use crate::prompts::Prompts;

/// The settings file of the telephone. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where health checks are answered. `drain` is how long calls in progress may go on after a SIGTERM.
    pub server: ServerSettings,
    /// Who it is: `ivr`.
    pub identity: IdentitySettings,
    /// How it tells what it does.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
    /// Where Asterisk connects.
    pub agi: AgiSettings,
    /// What callers hear.
    pub prompts: PromptSettings,
    /// Turns of a call.
    #[serde(default)]
    pub turn: TurnSettings,
    /// Where the gateway is.
    pub upstreams: UpstreamSettings,
}

/// `[agi]`: the FastAGI port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgiSettings {
    /// The address to listen on; FastAGI's usual port is 4573.
    pub listen: SocketAddr,
    /// The networks that Asterisk's servers are in. Whoever connects says who calls, and is believed: nobody else
    /// may (IVR-11).
    pub peers: Vec<IpNet>,
    /// Calls in progress beyond which new ones are turned away.
    #[serde(default = "AgiSettings::default_most")]
    pub most: usize,
    /// How long Asterisk may take to say what the call is.
    #[serde(default = "AgiSettings::default_greeting", with = "humantime_serde")]
    pub greeting: Duration,
    /// How long a call may take in all.
    #[serde(default = "AgiSettings::default_longest", with = "humantime_serde")]
    pub longest: Duration,
}

impl AgiSettings {
    /// Settings for an address and the networks of Asterisk, everything else as by default.
    pub fn listening_on(listen: SocketAddr, peers: Vec<IpNet>) -> Self {
        Self {
            listen,
            peers,
            most: Self::default_most(),
            greeting: Self::default_greeting(),
            longest: Self::default_longest(),
        }
    }

    fn default_most() -> usize {
        4096
    }

    fn default_greeting() -> Duration {
        Duration::from_secs(5)
    }

    fn default_longest() -> Duration {
        Duration::from_mins(9)
    }
}

/// `[prompts]`: the recordings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptSettings {
    /// The manifest, which names a file for every prompt. The files lie under its directory and are looked at once,
    /// at the start.
    pub manifest: PathBuf,
    /// That directory as Asterisk sees it.
    pub sounds: String,
    /// The language of callers for whom Asterisk names none of ours: `ja` or `en`.
    #[serde(default = "PromptSettings::default_language")]
    pub language: Language,
}

impl PromptSettings {
    fn default_language() -> Language {
        Language::Ja
    }
}

/// `[turn]`: turns of a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TurnSettings {
    /// How long a turn may take (INV-11). One that gets no answer is sent once more, then the caller hears an
    /// apology.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
}

impl Default for TurnSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(4),
        }
    }
}

/// `[upstreams]`: where the gateway is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// The gateway's private port, as `host:port`; every address of a name is a replica.
    pub gateway: Vec<String>,
}

impl aikagi_mesh::run::Settings for Settings {
    fn common(&self) -> CommonSettings {
        CommonSettings {
            server: self.server.clone(),
            identity: self.identity.clone(),
            telemetry: self.telemetry.clone(),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        TlsIdentity::load(&self.identity)?;
        Prompts::load(&self.prompts)?;
        ensure!(
            !self.agi.peers.is_empty(),
            "setting `agi.peers`: no Asterisk could connect"
        );
        Ok(())
    }
}
