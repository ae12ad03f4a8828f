//! Access checks in Envoy's form, with real sessions (SESS-4).

use std::collections::HashMap;

use aikagi_api::envoy::v3::authorization_client::AuthorizationClient;
use aikagi_api::envoy::v3::check_response::HttpResponse;
use aikagi_api::envoy::v3::{AttributeContext, CheckRequest, HttpRequest, Request};
use aikagi_tests::world::{CONTRACT, FIRST, PERMANENT, SECOND, TEMPORARY, World};

/// The HTTP status that a client gets, 200 for one that is let through, and the header that goes with it.
async fn ask(world: &World, token: &str, number: &str) -> (i32, String) {
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
    let mut envoy = AuthorizationClient::new(world.private_as("backend"));
    let answer = envoy.check(request).await.unwrap().into_inner();
    let (status, headers) = match answer.http_response.unwrap() {
        HttpResponse::OkResponse(ok) => (200, ok.headers),
        HttpResponse::DeniedResponse(denied) => (denied.status.unwrap().code, denied.headers),
    };
    let header = headers[0].header.as_ref().unwrap();
    (status, header.value.clone())
}

/// SESS-4, UNIT-1, LOGIN-1, OPS-3: Envoy is told what a back end would be told: the numbers in scope and no others, and
/// nothing while a change is demanded. What is refused to a session is in the trail.
#[tokio::test]
async fn envoy_is_told_what_a_back_end_is() {
    let world = World::start().await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let session = world.site().login(FIRST, PERMANENT).await.unwrap();
    assert_eq!(
        ask(&world, &session.token, "03-1234-0002").await,
        (200, FIRST.to_owned())
    );
    let out_of_scope = (403, "OUT_OF_SCOPE".to_owned());
    assert_eq!(ask(&world, &session.token, SECOND).await, out_of_scope);
    let malformed = ask(&world, &session.token, "0312340002,0312340003").await;
    assert_eq!(malformed, (400, "INVALID_FIELD".to_owned()));

    world.telephone(CONTRACT, "2", SECOND, TEMPORARY).await;
    let forced = world.site().login(SECOND, TEMPORARY).await.unwrap();
    let demanded = (403, "PASSWORD_CHANGE_REQUIRED".to_owned());
    assert_eq!(ask(&world, &forced.token, SECOND).await, demanded);
    session.logout().await.unwrap();
    assert_eq!(
        ask(&world, &session.token, FIRST).await,
        (401, "SESSION_ENDED".to_owned())
    );

    let refused: Vec<(String, String)> = sqlx::query_as(
        "SELECT number, reason FROM audit_events WHERE action = 'CHECK_ACCESS' ORDER BY event_id",
    )
    .fetch_all(&world.ledger().await)
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

/// INV-3, SESS-4: without Redis nobody is let through.
#[tokio::test]
async fn without_redis_nobody_is_let_through() {
    let mut world = World::start().await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let session = world.site().login(FIRST, PERMANENT).await.unwrap();
    world.redis.stop();
    assert_eq!(
        ask(&world, &session.token, FIRST).await,
        (503, "UNAVAILABLE".to_owned())
    );
}
