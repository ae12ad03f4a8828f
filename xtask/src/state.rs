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
struct State {
    /// The gateway's public ports, `https://host:port`, one for each replica.
    public: Vec<String>,
    /// The gateway's private ports, likewise.
    private: Vec<String>,
    /// `host:port` of each service's replicas.
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
struct Files {
    certificate: PathBuf,
    key: PathBuf,
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
    let text = serde_json::to_string_pretty(&state).context("cannot write the state")?;
    write_private(path, text.as_bytes())
}
