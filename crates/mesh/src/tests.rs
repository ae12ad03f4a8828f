//! Tests of connections, handshakes, callers, the deny list and outages, and of what the mesh logs about them.

mod age;
mod callers;
mod denials;
mod handshakes;
mod outages;
mod rpc_causes;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aikagi_devkit::installation::certificates::{Authority, Identity};

use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic_health::pb::health_client::HealthClient;

use crate::bounds::{BoundSettings, Bounds};
use crate::client::Upstream;
use crate::config::IdentitySettings;
use crate::connection::Clients;
use crate::health::Readiness;
use crate::policy::Policies;
use crate::port::{Port, PortSettings};
use crate::shutdown::Shutdown;
use crate::tls::{Acceptor, TlsIdentity};

/// Creates a port for these clients, with the default bounds.
fn port(clients: Clients) -> Port {
    Port::new(PortSettings {
        name: "test",
        clients,
        bounds: Bounds::new(&BoundSettings::default(), clients),
        max_in_flight: 10,
        drain: Duration::from_secs(1),
    })
}

/// Serves health checks with this identity, and returns the address.
async fn serve(identity: impl Acceptor, bounds: &str, shutdown: &Shutdown) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let clients = Clients::Workloads;
    let port = Port::new(PortSettings {
        name: "test",
        clients,
        bounds: Bounds::new(&toml::from_str(bounds).unwrap(), clients),
        max_in_flight: 10,
        drain: Duration::from_secs(1),
    });
    let health = Readiness::always().serve(Vec::new(), shutdown).await;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        port.serve(listener, identity, Routes::new(health), &shutdown)
            .await;
    });
    address
}

/// A client of the workload `units` at this address. It repeats health checks that the server has not started.
fn client(identity: &TlsIdentity, address: &str, shutdown: &Shutdown) -> HealthClient<Upstream> {
    let policies = Arc::new(Policies::of_unary("/grpc.health.v1.Health/Check"));
    let targets = vec![address.to_owned()];
    HealthClient::new(Upstream::new(
        "units",
        targets,
        identity.clone(),
        policies,
        shutdown,
    ))
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
        deny_list: None,
        reload: Duration::from_secs(10),
    };
    TlsIdentity::load(&settings).unwrap()
}
