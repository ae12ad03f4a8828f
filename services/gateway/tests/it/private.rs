//! Tests of the private port: the RPCs that each workload may call, and the routing of requests.

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

use crate::fixture::Fixture;
use crate::stubs::{NUMBER, PASSWORD, TOKEN};

/// Calls an RPC with an empty message. Returns the reason of a refusal.
async fn call(port: &Upstream, path: &str) -> Option<ErrorReason> {
    let empty_message: &[u8] = &[0; 5];
    let request = Request::post(path)
        .header("content-type", "application/grpc")
        .body(Body::new(Full::from(empty_message)))
        .unwrap();
    match port.clone().oneshot(request).await {
        Ok(response) => {
            let status = Status::from_header_map(response.headers())?;
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

/// INV-7: of the RPCs in the contracts, an outside workload may call only those whose `edge_callers` name it. Our
/// services may call none of them at this port.
#[tokio::test]
async fn each_workload_may_call_what_the_contracts_say() {
    let fixture = Fixture::start("", "").await;
    let mut allowed = 0;
    for workload in [
        "ivr", "backend", "operator", "edge", "gateway", "issuance", "password", "stranger",
    ] {
        let port = fixture.private(workload);
        for (path, method) in fixture.policies().methods() {
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

/// INV-7: the gateway tells the service who the caller is. A header that the caller sends is ignored.
#[tokio::test]
async fn only_the_gateway_names_the_caller() {
    let fixture = Fixture::start("", "").await;
    let login = LoginRequest {
        number: NUMBER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    fixture.web("Login", &login, &[]).await;

    let mut backend = AuthenticationServiceClient::new(fixture.private("backend/voicewarp"));
    let mut request = tonic::Request::new(access());
    let operator = "spiffe://aikagi/operator".parse().unwrap();
    request.metadata_mut().insert("x-aikagi-caller", operator);
    let response = backend.check_access(request).await.unwrap().into_inner();
    assert_eq!(response.account_number, NUMBER);
    let noted = "check_access by gateway for backend/voicewarp".to_owned();
    assert_eq!(fixture.stub.calls().last(), Some(&noted));
}

/// OPS-4: a refusal of a service is passed on unchanged. If a service cannot be reached, the caller gets UNAVAILABLE.
#[tokio::test]
async fn refusals_are_passed_on_unchanged() {
    let fixture = Fixture::start("", "").await;
    let mut backend = AuthenticationServiceClient::new(fixture.private("backend"));
    let ended = backend.check_access(access()).await.unwrap_err();
    assert_eq!(reason_of(&ended), Some(ErrorReason::SessionEnded));

    let ivr = fixture.private("ivr");
    let unreachable = call(&ivr, "/aikagi.issuance.v1.CallService/TakeTurn").await;
    assert_eq!(unreachable, Some(ErrorReason::Unavailable));
}

/// INV-7: each workload with our certificate may call the health check.
#[tokio::test]
async fn each_workload_may_check_health() {
    let fixture = Fixture::start("", "").await;
    let mut health = HealthClient::new(fixture.private("stranger"));
    let response = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(response.into_inner().status(), ServingStatus::Serving);
}
