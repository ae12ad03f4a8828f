//! `state.json`: the addresses and identities of a running system, for the demo and for other clients.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aikagi_installation::files::write_private;
use aikagi_installation::workloads::{OutsideWorkload, Service};
use anyhow::{Context, Result};
use serde::Serialize;

use crate::system::System;

/// The name of the file in the system's directory.
pub const NAME: &str = "state.json";

/// The content of the file.
#[derive(Debug, Serialize)]
pub struct SystemFile {
    /// The public ports of the edges, `https://host:port`, one for each replica.
    public: Vec<String>,
    /// The private ports of the gateways, in the same form.
    private: Vec<String>,
    /// `host:port` of each service's replicas, if this machine can reach them.
    services: BTreeMap<&'static str, Vec<String>>,
    /// The certificate of the authority that signed all others, PEM.
    authority: PathBuf,
    /// The identities of the outside workloads: ivr, backend, operator.
    identities: BTreeMap<&'static str, IdentityFiles>,
    /// The directory of the services' logs.
    logs: PathBuf,
}

/// A certificate and its key, PEM.
#[derive(Debug, Serialize)]
pub struct IdentityFiles {
    certificate: PathBuf,
    key: PathBuf,
}

impl IdentityFiles {
    /// `<name>.pem` and `<name>.key` in a directory.
    pub fn in_directory(directory: &Path, name: &str) -> Self {
        Self {
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
        }
    }
}

impl SystemFile {
    /// A system in which only the public and private ports can be reached from this machine.
    pub fn of_outside_ports(
        public: Vec<String>,
        private: Vec<String>,
        authority: PathBuf,
        identity: impl Fn(&str) -> IdentityFiles,
        logs: PathBuf,
    ) -> Self {
        Self {
            public,
            private,
            services: BTreeMap::new(),
            authority,
            identities: OutsideWorkload::ALL
                .map(|workload| (workload.name(), identity(workload.name())))
                .into(),
            logs,
        }
    }

    /// A system that runs as processes of this machine.
    pub fn of_processes(system: &System) -> Result<Self> {
        let https = |service| {
            let all = system.ports(service).iter();
            all.map(|ports| format!("https://127.0.0.1:{}", ports.main))
                .collect()
        };
        let mut identities = BTreeMap::new();
        for name in OutsideWorkload::ALL.map(OutsideWorkload::name) {
            let identity = system.identity(name)?;
            identities.insert(
                name,
                IdentityFiles {
                    certificate: identity.certificate,
                    key: identity.key,
                },
            );
        }
        Ok(Self {
            public: https(Service::Edge),
            private: https(Service::Gateway),
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
        })
    }

    /// Writes the file, which only its owner can read.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot encode state.json")?;
        write_private(path, text.as_bytes())
    }
}
