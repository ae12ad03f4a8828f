//! Tests of what the mesh logs, on real connections.

mod callers;
mod handshakes;
mod outages;
mod rpc_causes;

use std::path::Path;

use aikagi_devkit::installation::certificates::{Authority, Identity};

use crate::bounds::{BoundSettings, Bounds};
use crate::config::IdentitySettings;
use crate::connection::Clients;
use crate::port::{Port, PortSettings};
use crate::tls::TlsIdentity;

/// Creates a port for these clients, with the default bounds.
fn port(clients: Clients) -> Port {
    Port::new(PortSettings {
        name: "test",
        clients,
        bounds: Bounds::new(&BoundSettings::default(), clients),
        max_in_flight: 10,
        drain: std::time::Duration::from_secs(1),
    })
}

/// Issues a certificate for a workload, and loads it as a service does.
fn identity(directory: &Path, name: &str) -> TlsIdentity {
    let authority = Authority::open(directory).unwrap();
    let Identity {
        certificate,
        key,
        authorities,
    } = authority.issue(name, &["localhost"]).unwrap();
    let settings = IdentitySettings {
        certificate,
        key,
        authorities,
        reload: std::time::Duration::from_secs(10),
    };
    TlsIdentity::load(&settings).unwrap()
}
