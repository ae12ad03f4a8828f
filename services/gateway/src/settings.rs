//! What an operator can set.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::ensure;
use ipnet::IpNet;
use serde::Deserialize;

use crate::certificate::PublicCertificate;
use crate::limit::LimitSettings;
use crate::origin::Origin;
use crate::upstreams::UpstreamSettings;

/// The settings file of this service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Redis, as user `gateway`.
    pub redis: aikagi_ttl::Settings,
    /// The public port.
    pub public: PublicSettings,
    /// LOGIN-8.
    #[serde(default)]
    pub limits: LimitSettings,
    /// Where the services behind are.
    pub upstreams: UpstreamSettings,
}

/// `[public]`: the port for anyone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The certificate chain that browsers believe, PEM, its own certificate first. Read again when it changes.
    pub certificate: PathBuf,
    /// Its private key, PEM; no one but the owner may read it. Read again when it changes.
    pub key: PathBuf,
    /// The origins whose pages may act, as a browser writes them: `https://localhost:8443`.
    pub origins: Vec<Origin>,
    /// The networks of proxies whose word on the client's address (`X-Forwarded-For`) is believed (LOGIN-8).
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// The directory of the site's files; none is served without it.
    #[serde(default)]
    pub site: Option<PathBuf>,
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        PublicCertificate::load(&self.public.certificate, &self.public.key)?;
        aikagi_ttl::TtlStore::connect(&self.redis)?;
        ensure!(
            !self.public.origins.is_empty(),
            "setting `public.origins`: no page could act"
        );
        if let Some(site) = &self.public.site {
            let there = site.is_dir();
            ensure!(
                there,
                "setting `public.site`: {}: not a directory",
                site.display()
            );
        }
        Ok(())
    }
}
