//! What an operator can set.

use std::net::SocketAddr;
use std::time::Duration;

use aikagi_mesh::config::Replicas;
use anyhow::ensure;
use ipnet::IpNet;
use serde::Deserialize;

use crate::prompts::{PromptSettings, Prompts};

/// The settings file of the telephone. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
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
    /// The replicas of the gateway, at their private port.
    pub gateway: Replicas,
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        Prompts::load(&self.prompts)?;
        ensure!(
            !self.agi.peers.is_empty(),
            "setting `agi.peers`: no Asterisk could connect"
        );
        Ok(())
    }
}
