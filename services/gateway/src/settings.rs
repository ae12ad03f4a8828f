//! The settings of this service.

use std::net::SocketAddr;
use std::path::PathBuf;

use aikagi_mesh::bounds::BoundSettings;
use anyhow::{Context as _, ensure};
use http::HeaderName;
use ipnet::IpNet;
use serde::Deserialize;

use crate::certificate::PublicCertificate;
use crate::limit::LimitSettings;
use crate::origin::Origin;
use crate::profile::ProfileSettings;
use crate::site::Site;
use crate::upstreams::UpstreamSettings;

/// The sections of the settings file that only this service has. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Redis, as user `gateway`.
    pub redis: aikagi_ttl::Settings,
    /// The public port.
    pub public: PublicSettings,
    /// The limits of attempts (LOGIN-8).
    #[serde(default)]
    pub limits: LimitSettings,
    /// The access check for Envoy (SESS-4).
    #[serde(default)]
    pub envoy: EnvoySettings,
    /// The information about the operator that the site shows (SITE-1).
    #[serde(default)]
    pub profile: ProfileSettings,
    /// The services behind the gateway.
    pub upstreams: UpstreamSettings,
}

/// `[public]`: the port for subscribers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The file with the certificate chain for browsers in PEM, the port's own certificate first. It is reloaded after
    /// a change.
    pub certificate: PathBuf,
    /// The file with the certificate's private key in PEM. Only the file's owner may have access to it. It is reloaded
    /// after a change.
    pub key: PathBuf,
    /// The origins whose pages may use this port, as a browser sends them: `https://localhost:8443`.
    pub origins: Vec<Origin>,
    /// The networks of proxies whose `X-Forwarded-For` header is used (LOGIN-8).
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// The directory of the site's files. Without it the port serves no files.
    #[serde(default)]
    pub site: Option<PathBuf>,
    /// The bounds of this port. A bound that is not set has the default for a port that anyone can reach (OPS-5).
    #[serde(default)]
    pub bounds: BoundSettings,
    /// The number of places that only logins may take, at most half of `server.max_in_flight`. Other RPCs may take
    /// only the remaining places (OPS-5).
    #[serde(default = "default_login_places")]
    pub login_places: usize,
}

/// `[envoy]`: the access check for an Envoy proxy in front of a settings back end.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvoySettings {
    /// The client's headers that Envoy removes from an allowed request before the back end gets it. The default is
    /// none.
    #[serde(default)]
    pub remove_headers: Vec<CredentialHeader>,
}

/// A header that can contain the session token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialHeader {
    /// `authorization`.
    Authorization,
    /// `cookie`, with all its cookies.
    Cookie,
}

impl CredentialHeader {
    /// The name of the header in lower case.
    pub fn name(self) -> HeaderName {
        match self {
            Self::Authorization => http::header::AUTHORIZATION,
            Self::Cookie => http::header::COOKIE,
        }
    }
}

fn default_login_places() -> usize {
    128
}

impl aikagi_mesh::run::Settings for Settings {
    fn check(&self) -> anyhow::Result<()> {
        PublicCertificate::load(&self.public.certificate, &self.public.key)?;
        aikagi_ttl::TtlStore::connect(&self.redis)?;
        ensure!(
            !self.public.origins.is_empty(),
            "setting `public.origins`: must have at least one origin"
        );
        if let Some(site) = &self.public.site {
            Site::load(site)
                .with_context(|| format!("setting `public.site`: {}", site.display()))?;
        }
        Ok(())
    }
}
