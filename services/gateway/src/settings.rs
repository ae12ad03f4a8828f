//! What an operator can set.

use std::net::SocketAddr;
use std::path::PathBuf;

use aikagi_mesh::config::{IdentitySettings, ServerSettings, TelemetrySettings};
use aikagi_mesh::run::CommonSettings;
use aikagi_mesh::tls::TlsIdentity;
use anyhow::ensure;
use ipnet::IpNet;
use serde::Deserialize;

use crate::certificate::PublicCertificate;
use crate::limit::LimitSettings;
use crate::upstreams::UpstreamSettings;

/// The settings file of this service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the private port listens. `max_in_flight`, `deadline` and `drain` hold for each of the ports.
    pub server: ServerSettings,
    /// Who it is, to outside workloads and to the services behind.
    pub identity: IdentitySettings,
    /// How it tells what it does.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
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

/// An origin as a browser writes it: scheme, host, and port unless it is the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

/// The text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an origin such as https://localhost:8443, in lower case and without a path")]
pub struct OriginError;

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        let uri: http::Uri = text.parse().map_err(|_malformed| OriginError)?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or(OriginError)?;
        let own_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(OriginError),
        };
        let plain = text == format!("{scheme}://{authority}") && !text.contains('@');
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        if plain && lower && authority.port_u16() != Some(own_port) {
            Ok(Self(text))
        } else {
            Err(OriginError)
        }
    }
}

impl Origin {
    /// The text that a browser would send.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
        PublicCertificate::load(&self.public)?;
        aikagi_ttl::Store::connect(&self.redis)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for good in [
            "https://localhost:8443",
            "https://settings.example.jp",
            "http://localhost:5173",
        ] {
            assert_eq!(Origin::try_from(good.to_owned()).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "*",
            "null",
            "localhost:8443",
            "https://localhost:8443/",
            "https://example.jp/site",
            "https://Example.jp",
            "https://example.jp:443",
            "https://user@example.jp",
            "ftp://example.jp",
        ] {
            assert!(Origin::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
