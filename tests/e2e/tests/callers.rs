//! The callers that may call each RPC, on every port (INV-7). The list of RPCs comes from the
//! contracts' descriptors, so it contains every new RPC automatically.

mod claims;
mod sessions;
mod unserved;

use std::collections::{BTreeMap, BTreeSet};

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
const IDENTITIES: [&str; 10] = [
    "edge",
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

/// The RPCs that the edge may call: those that subscribers need.
const OF_THE_EDGE: [&str; 11] = [
    "/aikagi.authentication.v1.AuthenticationService/CheckSession",
    "/aikagi.authentication.v1.AuthenticationService/EndOtherSessions",
    "/aikagi.authentication.v1.AuthenticationService/EndOwnSession",
    "/aikagi.authentication.v1.AuthenticationService/ListOwnSessions",
    "/aikagi.authentication.v1.AuthenticationService/Login",
    "/aikagi.authentication.v1.AuthenticationService/Logout",
    "/aikagi.password.v1.PasswordService/ChangePassword",
    "/aikagi.password.v1.PasswordService/GetPolicy",
    "/aikagi.units.v1.ActivityService/ListOwnEvents",
    "/aikagi.units.v1.MigrationService/Migrate",
    "/aikagi.units.v1.MigrationService/PreviewMigration",
];

fn policies() -> Policies {
    Policies::from_descriptors(aikagi_api::DESCRIPTORS).unwrap()
}

/// The service that implements an RPC. The edge implements the RPCs of `aikagi.edge.v1`, and the gateway implements
/// Envoy's authorization check.
fn owner(method: &Method) -> Service {
    let area = method.service.split('.').nth(1).unwrap();
    match area {
        "edge" => Service::Edge,
        _ if method.service.starts_with("envoy.") => Service::Gateway,
        name => Service::named(name)
            .unwrap_or_else(|| panic!("no service implements {}", method.service)),
    }
}

/// True for a service that only workloads of the system may call.
fn is_inside(service: Service) -> bool {
    !matches!(service, Service::Edge | Service::Gateway)
}

/// Calls an RPC with an empty message. Returns the reason of the refusal, or `OK`. A refusal
/// without a reason fails the test.
async fn call(channel: &Channel, path: &str) -> &'static str {
    call_claiming(channel, path, None).await
}

/// Like [`call`], with a claim to call for another workload.
async fn call_claiming(channel: &Channel, path: &str, claim: Option<&str>) -> &'static str {
    let mut request = Request::new(());
    if let Some(claim) = claim {
        let claim = claim.parse().unwrap();
        request.metadata_mut().insert("x-aikagi-caller", claim);
    }
    let mut client = Grpc::new(channel.clone());
    client
        .ready()
        .await
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    let codec = ProstCodec::<(), ()>::default();
    let answer = client
        .unary(request, path.parse::<PathAndQuery>().unwrap(), codec)
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
            .filter(|service| is_inside(*service))
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
        .filter(|(_, method)| is_inside(owner(method)))
        .count();
    assert_eq!(tried.values().sum::<usize>(), inside * IDENTITIES.len());
    assert!(
        tried.len() == 2,
        "both allowed and refused RPCs are tried: {tried:?}"
    );
}

/// INV-7: the edge may call only the RPCs that subscribers need. It cannot set a temporary password, reset a unit,
/// import lines or read the audit trail, not even on behalf of another workload.
#[tokio::test]
async fn the_edge_may_call_only_what_subscribers_need() {
    let system = InProcessSystem::start().await;
    let policies = policies();
    let mut allowed = BTreeSet::new();
    for service in Service::ALL {
        let channel = system.replica_as(service, 0, "edge");
        for (path, method) in policies.methods() {
            if owner(method) == service && is_inside(service) {
                for claim in [None, Some("spiffe://aikagi/operator")] {
                    if call_claiming(&channel, path, claim).await != NOT_ALLOWED {
                        allowed.insert(path);
                    }
                }
            }
        }
    }
    assert_eq!(allowed, BTreeSet::from(OF_THE_EDGE));
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
    let address = &system.addresses[&Service::Edge][0];
    let policies = policies();
    for identity in [None, Some("edge"), Some("gateway"), Some("operator")] {
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
            public, 12,
            "the number of public RPCs has changed: is that intended?"
        );
    }
}
