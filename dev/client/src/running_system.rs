//! The addresses and identities of the running system: the file `state.json`, which `cargo xtask`
//! writes, and channels to the system's ports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use tonic::transport::Channel;

use crate::connection::{Files, connect};

/// The part of `state.json` that clients need.
#[derive(Debug, Deserialize)]
pub struct RunningSystem {
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

impl RunningSystem {
    /// Reads `state.json`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read {}: is the system running (`cargo xtask up`)?",
                path.display()
            )
        })?;
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))
    }

    /// The number of edges with a gateway of the same index.
    pub fn pairs(&self) -> usize {
        self.public.len().min(self.private.len())
    }

    /// A channel to the public port of the first edge.
    pub fn public(&self) -> Result<Channel> {
        self.public_at(0)
    }

    /// A channel to the private port of the first gateway, with the identity of an outside workload.
    pub fn private_as(&self, name: &str) -> Result<Channel> {
        self.private_at(0, name)
    }

    /// A channel to the public port of an edge, counted from 0.
    pub fn public_at(&self, edge: usize) -> Result<Channel> {
        let url = self.public.get(edge).context("no such public port")?;
        connect(url, &self.authority, None)
    }

    /// A channel to the private port of a gateway, counted from 0, with the identity of an outside workload.
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
