//! The private port: who may call what, and how calls are passed on.

use aikagi_api::authentication::v1::CheckAccessRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::edge::v1::LoginRequest;
use aikagi_mesh::client::Upstream;
use aikagi_refusal::{ErrorReason, reason_of};
use http::Request;
use http_body_util::Full;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceExt;

use crate::stubs::{NUMBER, PASSWORD, TOKEN};
use crate::world::World;

/// Calls with an empty message; the reason of a refusal.
async fn call(port: &Upstream, path: &str) -> Option<ErrorReason> {
    let empty_message: &[u8] = &[0; 5];
    let request = Request::post(path)
        .header("content-type", "application/grpc")
        .body(Body::new(Full::from(empty_message)))
        .unwrap();
    match port.clone().oneshot(request).await {
        Ok(answer) => {
            let status = Status::from_header_map(answer.headers())?;
            assert_ne!(status.code(), Code::Unimplemented, "{path}");
            reason_of(&status)
        }
        Err(status) => reason_of(&status),
    }
}

fn access() -> CheckAccessRequest {
    CheckAccessRequest {
        session_token: TOKEN.to_owned(),
        number: NUMBER.to_owned(),
    }
}

/// INV-7: each workload may call what `edge_callers` name it for, and nothing else; our own services nothing.
#[tokio::test]
async fn each_workload_may_call_what_the_contracts_say() {
    let world = World::start("", "").await;
    let mut allowed = 0;
    for workload in [
        "ivr", "backend", "operator", "gateway", "issuance", "password", "stranger",
    ] {
        let port = world.private(workload);
        for (path, method) in world.policies().methods() {
            let refused = call(&port, path).await == Some(ErrorReason::CallerNotAllowed);
            let may = method
                .policy
                .edge_callers
                .iter()
                .any(|name| name == workload);
            assert_eq!(refused, !may, "{workload} {path}");
            allowed += usize::from(may);
        }
        let unknown = call(&port, "/nothing.Here/AtAll").await;
        assert_eq!(unknown, Some(ErrorReason::CallerNotAllowed));
    }
    assert!(allowed >= 4);
}

/// INV-7: the service behind hears who called from the gateway, whatever the caller says of itself.
#[tokio::test]
async fn the_caller_is_told_by_the_gateway_alone() {
    let world = World::start("", "").await;
    let login = LoginRequest {
        number: NUMBER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    world.web("Login", &login, &[]).await;

    let mut backend = AuthenticationServiceClient::new(world.private("backend/voicewarp"));
    let mut request = tonic::Request::new(access());
    let operator = "spiffe://aikagi/operator".parse().unwrap();
    request.metadata_mut().insert("x-aikagi-caller", operator);
    let answer = backend.check_access(request).await.unwrap().into_inner();
    assert_eq!(answer.account_number, NUMBER);
    let heard = "check_access by gateway for backend/voicewarp".to_owned();
    assert_eq!(world.stub.calls().last(), Some(&heard));
}

/// OPS-4: a refusal of the service behind arrives as it is; one that cannot be reached is UNAVAILABLE.
#[tokio::test]
async fn refusals_arrive_as_they_are() {
    let world = World::start("", "").await;
    let mut backend = AuthenticationServiceClient::new(world.private("backend"));
    let ended = backend.check_access(access()).await.unwrap_err();
    assert_eq!(reason_of(&ended), Some(ErrorReason::SessionEnded));

    let ivr = world.private("ivr");
    let unreachable = call(&ivr, "/aikagi.issuance.v1.CallService/TakeTurn").await;
    assert_eq!(unreachable, Some(ErrorReason::Unavailable));
}

/// INV-7: any workload of ours may ask for the gateway's health.
#[tokio::test]
async fn workloads_may_ask_for_health() {
    let world = World::start("", "").await;
    let mut health = HealthClient::new(world.private("stranger"));
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
}
