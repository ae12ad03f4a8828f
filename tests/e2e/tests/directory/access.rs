//! Access checks in Envoy's form, with real sessions (SESS-4).

use std::collections::HashMap;

use aikagi_api::envoy::v3::authorization_client::AuthorizationClient;
use aikagi_api::envoy::v3::check_response::HttpResponse;
use aikagi_api::envoy::v3::{AttributeContext, CheckRequest, HttpRequest, Request};
use aikagi_client::samples::{CONTRACT, FIRST, PERMANENT, SECOND, TEMPORARY};
use aikagi_e2e::in_process::InProcessSystem;

/// Sends a check. Returns the HTTP status of the response (200 if the request is allowed) and the
/// value of its first header.
async fn ask(system: &InProcessSystem, token: &str, number: &str) -> (i32, String) {
    let headers = HashMap::from([
        ("cookie".to_owned(), format!("__Host-aikagi={token}")),
        ("x-aikagi-number".to_owned(), number.to_owned()),
    ]);
    let request = CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(HttpRequest { headers }),
            }),
            context_extensions: HashMap::new(),
        }),
    };
    let mut envoy = AuthorizationClient::new(system.private_as("backend"));
    let answer = envoy.check(request).await.unwrap().into_inner();
    let (status, headers) = match answer.http_response.unwrap() {
        HttpResponse::OkResponse(ok) => (200, ok.headers),
        HttpResponse::DeniedResponse(denied) => (denied.status.unwrap().code, denied.headers),
    };
    let header = headers[0].header.as_ref().unwrap();
    (status, header.value.clone())
}

/// SESS-4, UNIT-1, LOGIN-1, OPS-3: Envoy gets the same decisions as a back end. Only numbers in
/// scope are allowed. A must-change session is refused for every number. If a live session is
/// refused, the refusal is in the audit trail.
#[tokio::test]
async fn envoy_gets_the_same_answers_as_a_back_end() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    assert_eq!(
        ask(&system, &session.token, "03-1234-0002").await,
        (200, FIRST.to_owned())
    );
    let out_of_scope = (403, "OUT_OF_SCOPE".to_owned());
    assert_eq!(ask(&system, &session.token, SECOND).await, out_of_scope);
    let malformed = ask(&system, &session.token, "0312340002,0312340003").await;
    assert_eq!(malformed, (400, "INVALID_FIELD".to_owned()));

    system
        .set_by_telephone(CONTRACT, "2", SECOND, TEMPORARY)
        .await;
    let forced = system.site().login(SECOND, TEMPORARY).await.unwrap();
    let demanded = (403, "PASSWORD_CHANGE_REQUIRED".to_owned());
    assert_eq!(ask(&system, &forced.token, SECOND).await, demanded);
    session.logout().await.unwrap();
    assert_eq!(
        ask(&system, &session.token, FIRST).await,
        (401, "SESSION_ENDED".to_owned())
    );

    let refused: Vec<(String, String)> = sqlx::query_as(
        "SELECT number, reason FROM audit_events WHERE action = 'CHECK_ACCESS' ORDER BY event_id",
    )
    .fetch_all(&system.ledger().await)
    .await
    .unwrap();
    assert_eq!(
        refused,
        [
            (FIRST.to_owned(), "OUT_OF_SCOPE".to_owned()),
            (SECOND.to_owned(), "PASSWORD_CHANGE_REQUIRED".to_owned()),
        ]
    );
}

/// INV-3, SESS-4: without Redis, no request is allowed.
#[tokio::test]
async fn without_redis_no_request_is_allowed() {
    let mut system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    system.redis.stop();
    assert_eq!(
        ask(&system, &session.token, FIRST).await,
        (503, "UNAVAILABLE".to_owned())
    );
}
