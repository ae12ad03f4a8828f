//! The callers that may call each RPC, on every port (INV-7). The list of RPCs comes from the
//! contracts' descriptors, so it contains every new RPC automatically.

mod claims;
mod unserved;

use std::collections::BTreeMap;

use aikagi_client::reason;
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::InProcessSystem;
use aikagi_mesh::policy::{Method, Policies};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

/// All workloads inside and outside, and one that no contract names.
const IDENTITIES: [&str; 9] = [
    "gateway",
    "issuance",
    "authentication",
    "password",
    "units",
    "ivr",
    "backend",
    "operator",
    "stranger",
];

const NOT_ALLOWED: &str = "CALLER_NOT_ALLOWED";

fn policies() -> Policies {
    Policies::from_descriptors(aikagi_api::DESCRIPTORS).unwrap()
}

/// The service that implements an RPC. The gateway implements the RPCs of `aikagi.edge.v1` and Envoy's authorization
/// check.
fn owner(method: &Method) -> Service {
    let area = method.service.split('.').nth(1).unwrap();
    match area {
        "edge" => Service::Gateway,
        _ if method.service.starts_with("envoy.") => Service::Gateway,
        name => Service::named(name)
            .unwrap_or_else(|| panic!("no service implements {}", method.service)),
    }
}

/// Calls an RPC with an empty message. Returns the reason of the refusal, or `OK`. A refusal
/// without a reason fails the test.
async fn call(channel: &Channel, path: &str) -> &'static str {
    let mut client = Grpc::new(channel.clone());
    client
        .ready()
        .await
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    let codec = ProstCodec::<(), ()>::default();
    let answer = client
        .unary(
            Request::new(()),
            path.parse::<PathAndQuery>().unwrap(),
            codec,
        )
        .await;
    match answer {
        Ok(_) => "OK",
        Err(status) => {
            assert_ne!(status.code(), Code::Unimplemented, "{path}");
            assert_ne!(reason(&status), "none", "{path}: {status:?}");
            reason(&status)
        }
    }
}

/// INV-7: at each service, each identity may call exactly the RPCs whose `callers` name it. Every
/// other RPC is refused.
#[tokio::test]
async fn a_service_serves_only_the_callers_of_the_contract() {
    let system = InProcessSystem::start().await;
    let policies = policies();
    let mut tried = BTreeMap::new();
    for identity in IDENTITIES {
        for service in Service::ALL
            .into_iter()
            .filter(|service| *service != Service::Gateway)
        {
            let channel = system.replica_as(service, 0, identity);
            for (path, method) in policies
                .methods()
                .filter(|(_, method)| owner(method) == service)
            {
                let listed = method.policy.callers.iter().any(|name| name == identity);
                let answer = call(&channel, path).await;
                assert_eq!(answer != NOT_ALLOWED, listed, "{identity} {path}: {answer}");
                *tried.entry(listed).or_insert(0) += 1;
            }
            let unknown = call(&channel, "/aikagi.units.v1.DirectoryService/Nothing").await;
            assert_eq!(unknown, NOT_ALLOWED, "{identity}");
        }
    }
    let inside = policies
        .methods()
        .filter(|(_, method)| owner(method) != Service::Gateway)
        .count();
    assert_eq!(tried.values().sum::<usize>(), inside * IDENTITIES.len());
    assert!(
        tried.len() == 2,
        "both allowed and refused RPCs are tried: {tried:?}"
    );
}

/// INV-7: at the gateway's private port, each identity may call exactly the RPCs whose
/// `edge_callers` name it. The service behind the gateway allows every request that the gateway
/// allows.
#[tokio::test]
async fn the_private_port_serves_only_the_edge_callers_of_the_contract() {
    let system = InProcessSystem::start().await;
    let policies = policies();
    let mut allowed = 0;
    for identity in IDENTITIES {
        let channel = system.private_as(identity);
        for (path, method) in policies.methods() {
            let listed = method
                .policy
                .edge_callers
                .iter()
                .any(|name| name == identity);
            let answer = call(&channel, path).await;
            assert_eq!(answer != NOT_ALLOWED, listed, "{identity} {path}: {answer}");
            assert_ne!(
                answer, "INTERNAL",
                "{identity} {path}: refused behind the gateway"
            );
            allowed += usize::from(listed);
        }
    }
    assert!(allowed >= 5, "{allowed}");
}

/// INV-7: at the public port, anyone may call `public` RPCs and nothing else. A client certificate
/// makes no difference.
#[tokio::test]
async fn the_public_port_serves_what_is_public() {
    let system = InProcessSystem::start().await;
    let address = &system.addresses[&Service::Gateway][0];
    let policies = policies();
    for identity in [None, Some("gateway"), Some("operator")] {
        let files =
            identity.map(|name| crate::certificates::files(&system.identity(name).unwrap()));
        let url = format!("https://{address}");
        let authority = system.authority.certificate();
        let channel = aikagi_client::connect(&url, &authority, files.as_ref()).unwrap();
        let mut public = 0;
        for (path, method) in policies.methods() {
            let answer = call(&channel, path).await;
            assert_eq!(
                answer != NOT_ALLOWED,
                method.policy.public,
                "{identity:?} {path}: {answer}"
            );
            public += usize::from(method.policy.public);
        }
        assert_eq!(
            public, 8,
            "the number of public RPCs has changed: is that intended?"
        );
    }
}
