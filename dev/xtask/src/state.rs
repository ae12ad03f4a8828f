//! `state.json`: where the running system is, for the demo and for people's own clients.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aikagi_devkit::paths::write_private;
use aikagi_devkit::settings::Service;
use aikagi_devkit::system::{OUTSIDERS, System};
use anyhow::{Context, Result};
use serde::Serialize;

/// Its name under the system's directory.
pub(crate) const FILE: &str = "state.json";

/// Where the running system is.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    /// The gateway's public ports, `https://host:port`, one for each replica.
    public: Vec<String>,
    /// The gateway's private ports, likewise.
    private: Vec<String>,
    /// `host:port` of each service's replicas, where they can be reached from here.
    services: BTreeMap<&'static str, Vec<String>>,
    /// The authority that all certificates come from, PEM.
    authority: PathBuf,
    /// The identities of those outside: ivr, backend, operator.
    identities: BTreeMap<&'static str, Files>,
    /// The services' logs.
    logs: PathBuf,
}

/// A certificate and its key, PEM.
#[derive(Debug, Serialize)]
pub(crate) struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    /// Those of this name in a directory.
    pub(crate) fn of(directory: &Path, name: &str) -> Self {
        Self {
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
        }
    }
}

impl State {
    /// A system whose services can be reached by the gateway only.
    pub(crate) fn of(
        public: Vec<String>,
        private: Vec<String>,
        authority: PathBuf,
        identity: impl Fn(&str) -> Files,
        logs: PathBuf,
    ) -> Self {
        Self {
            public,
            private,
            services: BTreeMap::new(),
            authority,
            identities: OUTSIDERS
                .into_iter()
                .map(|name| (name, identity(name)))
                .collect(),
            logs,
        }
    }

    /// Writes it down.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot write the state")?;
        write_private(path, text.as_bytes())
    }
}

/// Writes down where `system` is.
pub(crate) fn write(path: &Path, system: &System) -> Result<()> {
    let https = |port: u16| format!("https://127.0.0.1:{port}");
    let gateways = system.ports(Service::Gateway);
    let mut identities = BTreeMap::new();
    for name in OUTSIDERS {
        let identity = system.identity(name)?;
        identities.insert(
            name,
            Files {
                certificate: identity.certificate,
                key: identity.key,
            },
        );
    }
    let state = State {
        public: gateways.iter().map(|ports| https(ports.main)).collect(),
        private: gateways
            .iter()
            .filter_map(|ports| ports.private)
            .map(https)
            .collect(),
        services: Service::ALL
            .into_iter()
            .map(|service| {
                let all = system.ports(service).iter();
                (
                    service.name(),
                    all.map(|ports| format!("127.0.0.1:{}", ports.main))
                        .collect(),
                )
            })
            .collect(),
        authority: system.authority.certificate(),
        identities,
        logs: system.logs(),
    };
    state.write(path)
}
