//! Messages that are too large, and bytes that are not a message.

use aikagi_api::authentication::v1::LoginRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::edge::v1::GetSessionRequest;
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::refused;
use aikagi_client::samples::{CONTRACT, PERMANENT};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::InProcessSystem;
use http::uri::PathAndQuery;
use tonic::Request;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use super::kept;

/// Each port refuses messages that are too large, with a reason. The limit of the public port is 64
/// KiB.
#[tokio::test]
async fn oversized_messages_are_refused() {
    let system = InProcessSystem::start().await;
    let (site, ivr) = (system.site(), system.ivr());
    let replica = system.replica_as(Service::Authentication, 0, "gateway");
    let mut authentication = AuthenticationServiceClient::new(replica);
    let before = kept(&system).await;
    for kib in [65, 1025, 4097, 8192] {
        let huge = "1".repeat(kib * 1024);
        assert_eq!(
            refused(site.login(CONTRACT, &huge).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
        assert_eq!(
            refused(site.login(&huge, PERMANENT).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
        assert_eq!(
            refused(ivr.set(CONTRACT, AuthUnit::Line, "", &huge).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
        let request = LoginRequest {
            number: huge.clone(),
            password: huge,
            device_class: 0,
        };
        assert_eq!(
            refused(authentication.login(request).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
    }
    assert_eq!(kept(&system).await, before);
    assert_eq!(
        refused(site.login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED",
        "the connection does not work any more"
    );
}

/// OPS-4: bytes that are not a message of the RPC are refused with a reason too.
#[tokio::test]
async fn bytes_that_are_no_message_are_refused() {
    let system = InProcessSystem::start().await;
    let before = kept(&system).await;
    // Field 1 is a boolean in this message. In the request of every RPC below it is a text or a
    // message.
    let wrong = || Request::new(GetSessionRequest { peek: true });
    let codec = ProstCodec::<GetSessionRequest, ()>::default;
    let public = aikagi_client::connect(
        &format!("https://{}", system.addresses[&Service::Edge][0]),
        &system.authority.certificate(),
        None,
    );
    for (channel, path) in [
        (public.unwrap(), "/aikagi.edge.v1.SubscriberService/Login"),
        (
            system.private_as("ivr"),
            "/aikagi.issuance.v1.CallService/TakeTurn",
        ),
        (
            system.private_as("operator"),
            "/aikagi.units.v1.DirectoryService/AddLine",
        ),
        (
            system.replica_as(Service::Password, 0, "gateway"),
            "/aikagi.password.v1.PasswordService/ChangePassword",
        ),
    ] {
        let mut client = Grpc::new(channel);
        client.ready().await.unwrap();
        let answer = client
            .unary(wrong(), PathAndQuery::from_static(path), codec())
            .await;
        assert_eq!(refused(answer), "INVALID_FIELD", "{path}");
    }
    assert_eq!(kept(&system).await, before);
}
