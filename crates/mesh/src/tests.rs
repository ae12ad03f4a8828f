//! What the mesh logs, with real connections.

mod callers;
mod handshakes;
mod outages;
mod rpc_causes;

use std::path::Path;

use aikagi_devkit::installation::certificates::{Authority, Identity};

use crate::config::IdentitySettings;
use crate::tls::TlsIdentity;

/// The identity of a workload, as a service has it.
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
