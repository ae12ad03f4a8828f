//! Who may call what (INV-7), on every port: the matrix comes from the contracts' descriptors, so that a new
//! RPC is in it by itself.

use std::collections::BTreeMap;

use aikagi_api::authentication::v1::EndSessionsRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::units::v1::GetLineRequest;
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_devkit::settings::Service;
use aikagi_mesh::config::ServerSettings;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::{Method, Policies, PolicyError};
use aikagi_mesh::server::{ServeError, Server};
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use aikagi_tests::world::{CONTRACT, FIRST, PERMANENT, World, reason, refused};
use http::uri::PathAndQuery;
use prost::Message;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto,
};
use tonic::client::Grpc;
use tonic::service::Routes;
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

/// The service that implements an RPC; the edge's is the gateway's own.
fn owner(method: &Method) -> Service {
    let area = method.service.split('.').nth(1).unwrap();
    match area {
        "edge" => Service::Gateway,
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
        let files = identity.map(|name| super::certificates::files(&world.identity(name).unwrap()));
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
        assert_eq!(public, 5, "an RPC became public: is that meant?");
    }
}

fn claiming<T>(caller: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("x-aikagi-caller", caller.parse().unwrap());
    request
}

async fn actors(world: &World, action: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT actor FROM audit_events WHERE action = $1 ORDER BY event_id")
        .bind(action)
        .fetch_all(&world.ledger().await)
        .await
        .unwrap()
}

/// INV-7: nobody but the gateway says on whose behalf it calls: from anyone else the claim changes nothing, not
/// even the audit trail; and the gateway's own word does not widen what the contract allows.
/// OPS-3: the audit trail names the workload that its certificate names, with its instance.
#[tokio::test]
async fn a_forged_caller_changes_nothing() {
    let world = World::start().await;
    let ended = || EndSessionsRequest {
        number: FIRST.to_owned(),
    };
    let line = || GetLineRequest {
        number: FIRST.to_owned(),
    };

    // An outside workload at the private port claims to be another.
    let operator = world.private_as("operator/alice");
    let mut sessions = AuthenticationServiceClient::new(operator.clone());
    sessions
        .end_sessions(claiming("spiffe://aikagi/operator/mallory", ended()))
        .await
        .unwrap();
    assert_eq!(actors(&world, "END_SESSIONS").await, ["operator/alice"]);
    let mut ivr = AuthenticationServiceClient::new(world.private_as("ivr"));
    let refusal = ivr
        .end_sessions(claiming("spiffe://aikagi/operator", ended()))
        .await;
    assert_eq!(refused(refusal), NOT_ALLOWED);

    // A workload inside that is not the gateway, at a service.
    for peer in ["password", "units", "operator", "stranger"] {
        let channel = world.replica_as(Service::Authentication, 0, peer);
        let mut sessions = AuthenticationServiceClient::new(channel);
        let refusal = sessions
            .end_sessions(claiming("spiffe://aikagi/operator", ended()))
            .await;
        assert_eq!(refused(refusal), NOT_ALLOWED, "{peer}");
    }

    // The gateway itself, for somebody whom the contract does not name, or for nobody that could be.
    let mut units = DirectoryServiceClient::new(world.replica_as(Service::Units, 0, "gateway"));
    for caller in [
        "spiffe://aikagi/ivr",
        "spiffe://aikagi/gateway",
        "spiffe://elsewhere/operator",
        "operator",
        "",
    ] {
        let refusal = units.get_line(claiming(caller, line())).await;
        assert_eq!(refused(refusal), NOT_ALLOWED, "{caller}");
    }
    units
        .get_line(claiming("spiffe://aikagi/operator", line()))
        .await
        .unwrap();

    // A subscriber at the public port.
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let login = aikagi_api::edge::v1::LoginRequest {
        number: CONTRACT.to_owned(),
        password: PERMANENT.to_owned(),
    };
    let mut site = world.site().client();
    site.login(claiming("spiffe://aikagi/operator", login))
        .await
        .unwrap();
    assert_eq!(actors(&world, "END_SESSIONS").await, ["operator/alice"]);
    assert!(
        !actors(&world, "LOGIN")
            .await
            .iter()
            .any(|actor| actor.contains("operator"))
    );
}

/// A contract whose one RPC does not say who may call it.
fn without_policy() -> &'static [u8] {
    let text = |text: &str| Some(text.to_owned());
    let message = DescriptorProto {
        name: text("Empty"),
        ..DescriptorProto::default()
    };
    let method = MethodDescriptorProto {
        name: text("Act"),
        input_type: text(".aikagi.test.v1.Empty"),
        output_type: text(".aikagi.test.v1.Empty"),
        ..MethodDescriptorProto::default()
    };
    let service = ServiceDescriptorProto {
        name: text("TestService"),
        method: vec![method],
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: text("test.proto"),
        package: text("aikagi.test.v1"),
        syntax: text("proto3"),
        message_type: vec![message],
        service: vec![service],
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }
        .encode_to_vec()
        .leak()
}

/// INV-7: an RPC without the option cannot be served, nor can a service that no contract describes; the error
/// says which.
#[tokio::test]
async fn what_does_not_say_who_may_call_it_is_not_served() {
    let error = Policies::from_descriptors(without_policy()).expect_err("no option");
    assert!(
        matches!(&error, PolicyError::NoPolicy(path) if path == "/aikagi.test.v1.TestService/Act")
    );

    let dir = tempfile::tempdir().unwrap();
    let authority = aikagi_devkit::certs::Authority::open(dir.path()).unwrap();
    let files = authority.issue("units", &["localhost"]).unwrap();
    let identity = TlsIdentity::load(&super::certificates::settings(&files)).unwrap();
    for (descriptors, service, named) in [
        (
            without_policy(),
            "aikagi.test.v1.TestService",
            "/aikagi.test.v1.TestService/Act",
        ),
        (
            aikagi_api::DESCRIPTORS,
            "aikagi.test.v1.TestService",
            "aikagi.test.v1.TestService",
        ),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            name: "units",
            settings: ServerSettings::listening_on(listener.local_addr().unwrap()),
            identity: identity.clone(),
            descriptors,
            services: vec![service],
            routes: Routes::default(),
            readiness: Readiness::always(),
        };
        let error = server
            .serve(listener, Shutdown::new())
            .await
            .expect_err("not served");
        assert!(matches!(error, ServeError::Policy(_)), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}
