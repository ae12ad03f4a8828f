//! RPCs without a policy, and services without a contract (INV-7).

use aikagi_mesh::config::ServerSettings;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::{Policies, PolicyError};
use aikagi_mesh::server::{ServeError, Server};
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use prost::Message;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto,
};
use tonic::service::Routes;

/// A contract with one RPC that has no policy.
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

/// INV-7: a server does not start if an RPC has no policy, or if no contract describes a service.
/// The error names the RPC or the service.
#[tokio::test]
async fn an_rpc_without_a_policy_is_not_served() {
    let error = Policies::from_descriptors(without_policy())
        .expect_err("an RPC without a policy is refused");
    assert!(
        matches!(&error, PolicyError::NoPolicy(path) if path == "/aikagi.test.v1.TestService/Act")
    );

    let dir = tempfile::tempdir().unwrap();
    let authority = aikagi_devkit::installation::certificates::Authority::open(dir.path()).unwrap();
    let files = authority.issue("units", &["localhost"]).unwrap();
    let identity = TlsIdentity::load(&crate::certificates::settings(&files)).unwrap();
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
            .expect_err("the server refuses to start");
        assert!(matches!(error, ServeError::Policy(_)), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}
