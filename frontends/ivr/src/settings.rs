//! The settings of the IVR adapter.

use std::net::SocketAddr;
use std::time::Duration;

use aikagi_mesh::config::Replicas;
use anyhow::ensure;
use ipnet::IpNet;
use serde::Deserialize;

use crate::prompts::{PromptSettings, Prompts};

/// The settings file of the IVR adapter. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The FastAGI port.
    pub agi: AgiSettings,
    /// The recordings.
    pub prompts: PromptSettings,
    /// The turns of a call.
    #[serde(default)]
    pub turn: TurnSettings,
    /// The gateway.
    pub upstreams: UpstreamSettings,
}

/// `[agi]`: the FastAGI port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgiSettings {
    /// The address to listen on. The usual port of FastAGI is 4573.
    pub listen: SocketAddr,
    /// The networks of the Asterisk servers. Only they may connect, because a client of this port states the caller's
    /// number (IVR-11).
    pub peers: Vec<IpNet>,
    /// The maximum number of calls in progress. The adapter refuses further calls.
    #[serde(default = "AgiSettings::default_most")]
    pub most: usize,
    /// The maximum time from the connection until Asterisk has sent the environment of the call.
    #[serde(default = "AgiSettings::default_greeting", with = "humantime_serde")]
    pub greeting: Duration,
    /// The maximum duration of a call.
    #[serde(default = "AgiSettings::default_longest", with = "humantime_serde")]
    pub longest: Duration,
}

impl AgiSettings {
    /// Returns settings with an address and networks. All other keys have their defaults.
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

/// `[turn]`: the turns of a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TurnSettings {
    /// The deadline of an attempt to send a turn (INV-11). If it passes, the adapter sends the turn once more. If the
    /// second attempt fails too, the caller hears an apology.
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

/// `[upstreams]`: the gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// The replicas of the gateway, at their private port.
    pub gateway: Replicas,
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        Prompts::load(&self.prompts)?;
        ensure!(
            !self.agi.peers.is_empty(),
            "setting `agi.peers` is empty: add the networks of the Asterisk servers"
        );
        Ok(())
    }
}
