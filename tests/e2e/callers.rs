//! Who may call what (INV-7), on every port: the matrix comes from the contracts' descriptors, so that a new
//! RPC is in it by itself.

mod claims;
mod unserved;

use std::collections::BTreeMap;

use aikagi_devkit::installation::workloads::Service;
use aikagi_mesh::policy::{Method, Policies};
use aikagi_tests::world::{World, reason};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

/// Everybody inside and outside, and one whom no contract names.
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

/// The service that implements an RPC; the edge's, and Envoy's question, are the gateway's own.
fn owner(method: &Method) -> Service {
    let area = method.service.split('.').nth(1).unwrap();
    match area {
        "edge" => Service::Gateway,
        _ if method.service.starts_with("envoy.") => Service::Gateway,
        name => Service::named(name).unwrap_or_else(|| panic!("nobody serves {}", method.service)),
    }
}

/// Calls with an empty message and tells why it was refused, or `OK`. There must be an answer of ours.
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

/// INV-7: at each service each identity may call exactly what the contract's `callers` say; deny by default.
#[tokio::test]
async fn a_service_lets_in_whom_the_contract_names() {
    let world = World::start().await;
    let policies = policies();
    let mut tried = BTreeMap::new();
    for identity in IDENTITIES {
        for service in Service::ALL
            .into_iter()
            .filter(|service| *service != Service::Gateway)
        {
            let channel = world.replica_as(service, 0, identity);
            for (path, method) in policies
                .methods()
                .filter(|(_, method)| owner(method) == service)
            {
                let listed = method.policy.callers.iter().any(|name| name == identity);
                let answer = call(&channel, path).await;
                assert_eq!(answer != NOT_ALLOWED, listed, "{identity} {path}: {answer}");
                *tried.entry(listed).or_insert(0) += 1;
            }
            let unheard_of = call(&channel, "/aikagi.units.v1.DirectoryService/Nothing").await;
            assert_eq!(unheard_of, NOT_ALLOWED, "{identity}");
        }
    }
    let inside = policies
        .methods()
        .filter(|(_, method)| owner(method) != Service::Gateway)
        .count();
    assert_eq!(tried.values().sum::<usize>(), inside * IDENTITIES.len());
    assert!(tried.len() == 2, "some are let in, some are not: {tried:?}");
}

/// INV-7: at the gateway's private port each identity may call exactly what `edge_callers` say, whoever it is
/// inside; and a call that is let in there is let in behind it too.
#[tokio::test]
async fn the_private_port_lets_in_whom_the_contract_names() {
    let world = World::start().await;
    let policies = policies();
    let mut allowed = 0;
    for identity in IDENTITIES {
        let channel = world.private_as(identity);
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

/// INV-7: at the public port anyone may call what is `public`, and nothing else, whatever certificate is shown.
#[tokio::test]
async fn the_public_port_serves_what_is_public() {
    let world = World::start().await;
    let address = &world.addresses[&Service::Gateway][0];
    let policies = policies();
    for identity in [None, Some("gateway"), Some("operator")] {
        let files = identity.map(|name| crate::certificates::files(&world.identity(name).unwrap()));
        let url = format!("https://{address}");
        let authority = world.authority.certificate();
        let channel = aikagi_tests::edge::connect(&url, &authority, files.as_ref()).unwrap();
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
        assert_eq!(public, 7, "an RPC became public: is that meant?");
    }
}
