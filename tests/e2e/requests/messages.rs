//! Messages that are too large, and bytes that are none.

use aikagi_api::authentication::v1::LoginRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::edge::v1::GetSessionRequest;
use aikagi_api::units::v1::AuthUnit;
use aikagi_devkit::installation::workloads::Service;
use aikagi_tests::world::{CONTRACT, PERMANENT, World, refused};
use http::uri::PathAndQuery;
use tonic::Request;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use super::kept;

/// Messages that are too large are refused with a reason at each port, those of the public one beyond 64 KiB.
#[tokio::test]
async fn oversized_messages_are_refused() {
    let world = World::start().await;
    let (site, ivr) = (world.site(), world.ivr());
    let replica = world.replica_as(Service::Authentication, 0, "gateway");
    let mut authentication = AuthenticationServiceClient::new(replica);
    let before = kept(&world).await;
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
        };
        assert_eq!(
            refused(authentication.login(request).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
    }
    assert_eq!(kept(&world).await, before);
    assert_eq!(
        refused(site.login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED",
        "the connection still serves"
    );
}

/// OPS-4: bytes that are no message of the RPC are refused with a reason too.
#[tokio::test]
async fn what_is_no_message_is_refused() {
    let world = World::start().await;
    let before = kept(&world).await;
    // Field 1 as a number, where every RPC below has a text or a message.
    let wrong = || Request::new(GetSessionRequest { peek: true });
    let codec = ProstCodec::<GetSessionRequest, ()>::default;
    let public = aikagi_tests::edge::connect(
        &format!("https://{}", world.addresses[&Service::Gateway][0]),
        &world.authority.certificate(),
        None,
    );
    for (channel, path) in [
        (public.unwrap(), "/aikagi.edge.v1.SubscriberService/Login"),
        (
            world.private_as("ivr"),
            "/aikagi.issuance.v1.CallService/TakeTurn",
        ),
        (
            world.private_as("operator"),
            "/aikagi.units.v1.DirectoryService/AddLine",
        ),
        (
            world.replica_as(Service::Password, 0, "gateway"),
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
    assert_eq!(kept(&world).await, before);
}
