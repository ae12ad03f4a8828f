//! The settings of both roles.

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
use crate::upstreams::{EdgeUpstreamSettings, GatewayUpstreamSettings, UpstreamSettings};

/// The settings of one of the two roles. A file with the section `[public]` has the settings of the edge. Any other file
/// has the settings of the gateway. Unknown keys, and keys of the other role, are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RoleSettings")]
pub enum Settings {
    /// The edge, which serves the public port.
    Edge(Box<EdgeSettings>),
    /// The gateway, which serves the private port.
    Gateway(GatewaySettings),
}

/// The settings of the edge, without the sections that every service has.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Redis, as user `gateway`.
    pub redis: aikagi_ttl::Settings,
    /// The public port.
    pub public: PublicSettings,
    /// The limits of attempts (LOGIN-8).
    pub limits: LimitSettings,
    /// The information about the operator that the site shows (SITE-1).
    pub profile: ProfileSettings,
    /// The services that the edge calls.
    pub upstreams: EdgeUpstreamSettings,
}

/// The settings of the gateway, without the sections that every service has.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// The access check for Envoy (SESS-4).
    pub envoy: EnvoySettings,
    /// The services that the gateway calls.
    pub upstreams: GatewayUpstreamSettings,
}

/// The sections of both roles.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleSettings {
    redis: Option<aikagi_ttl::Settings>,
    public: Option<PublicSettings>,
    limits: Option<LimitSettings>,
    envoy: Option<EnvoySettings>,
    profile: Option<ProfileSettings>,
    upstreams: UpstreamSettings,
}

/// Why sections are not the settings of one role.
#[derive(Debug, thiserror::Error)]
enum RoleError {
    /// The role needs the setting.
    #[error("`{0}` is missing; the {1} needs it")]
    Missing(&'static str, &'static str),
    /// Only the other role has the setting.
    #[error(
        "`{0}` is not a setting of the {1}; a file with the section `public` is for the edge, any other for the gateway"
    )]
    Foreign(&'static str, &'static str),
}

/// The edge's name, which is also the name of its workload identity.
const EDGE: &str = "edge";
/// The gateway's name, which is also the name of its workload identity.
const GATEWAY: &str = "gateway";

impl TryFrom<RoleSettings> for Settings {
    type Error = RoleError;

    fn try_from(sections: RoleSettings) -> Result<Self, RoleError> {
        let upstreams = sections.upstreams;
        let Some(public) = sections.public else {
            refuse(sections.redis.is_some(), "redis", GATEWAY)?;
            refuse(sections.limits.is_some(), "limits", GATEWAY)?;
            refuse(sections.profile.is_some(), "profile", GATEWAY)?;
            refuse(upstreams.password.is_some(), "upstreams.password", GATEWAY)?;
            return Ok(Self::Gateway(GatewaySettings {
                envoy: sections.envoy.unwrap_or_default(),
                upstreams: GatewayUpstreamSettings {
                    authentication: upstreams.authentication,
                    issuance: need(upstreams.issuance, "upstreams.issuance", GATEWAY)?,
                    units: upstreams.units,
                },
            }));
        };
        refuse(sections.envoy.is_some(), "envoy", EDGE)?;
        refuse(upstreams.issuance.is_some(), "upstreams.issuance", EDGE)?;
        Ok(Self::Edge(Box::new(EdgeSettings {
            redis: need(sections.redis, "redis", EDGE)?,
            public,
            limits: sections.limits.unwrap_or_default(),
            profile: sections.profile.unwrap_or_default(),
            upstreams: EdgeUpstreamSettings {
                authentication: upstreams.authentication,
                password: need(upstreams.password, "upstreams.password", EDGE)?,
                units: upstreams.units,
            },
        })))
    }
}

fn need<T>(value: Option<T>, key: &'static str, role: &'static str) -> Result<T, RoleError> {
    value.ok_or(RoleError::Missing(key, role))
}

fn refuse(is_present: bool, key: &'static str, role: &'static str) -> Result<(), RoleError> {
    if is_present {
        return Err(RoleError::Foreign(key, role));
    }
    Ok(())
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
    fn workload(&self, _program: &'static str) -> &'static str {
        match self {
            Self::Edge(_) => EDGE,
            Self::Gateway(_) => GATEWAY,
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        match self {
            Self::Edge(settings) => settings.check(),
            Self::Gateway(_) => Ok(()),
        }
    }
}

impl EdgeSettings {
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
