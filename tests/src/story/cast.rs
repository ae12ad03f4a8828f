//! Where the running system is, as `state.json` says, and how those outside reach it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use tonic::transport::Channel;

use crate::edge::{Files, connect};

/// The part of `state.json` that those outside need.
#[derive(Debug, Deserialize)]
pub struct Where {
    public: Vec<String>,
    private: Vec<String>,
    authority: PathBuf,
    identities: BTreeMap<String, CertificateAndKey>,
}

#[derive(Debug, Deserialize)]
struct CertificateAndKey {
    certificate: PathBuf,
    key: PathBuf,
}

impl Where {
    /// Reads `state.json`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read {}: is the system running (`cargo xtask up`)?",
                path.display()
            )
        })?;
        serde_json::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
    }

    /// How many gateways there are.
    pub fn gateways(&self) -> usize {
        self.public.len()
    }

    /// A channel to the gateway's public port.
    pub fn public(&self) -> Result<Channel> {
        self.public_at(0)
    }

    /// A channel to the gateway's private port, as a workload outside.
    pub fn private_as(&self, name: &str) -> Result<Channel> {
        self.private_at(0, name)
    }

    /// A channel to one gateway's public port, counted from 0.
    pub fn public_at(&self, gateway: usize) -> Result<Channel> {
        let url = self.public.get(gateway).context("no such public port")?;
        connect(url, &self.authority, None)
    }

    /// A channel to one gateway's private port, counted from 0, as a workload outside.
    pub fn private_at(&self, gateway: usize, name: &str) -> Result<Channel> {
        let url = self.private.get(gateway).context("no such private port")?;
        let identity = self
            .identities
            .get(name)
            .with_context(|| format!("there is no identity for {name}"))?;
        let files = Files {
            certificate: identity.certificate.clone(),
            key: identity.key.clone(),
        };
        connect(url, &self.authority, Some(&files))
    }
}
