//! The access check of SESS-4 as an Envoy proxy asks it.

use std::collections::HashMap;

use aikagi_api::edge::v1::LoginRequest;
use aikagi_api::envoy::v3::authorization_client::AuthorizationClient;
use aikagi_api::envoy::v3::check_response::HttpResponse;
use aikagi_api::envoy::v3::{AttributeContext, CheckRequest, CheckResponse, HttpRequest, Request};
use aikagi_refusal::{ErrorReason, reason_of};
use tonic::Code;

use crate::stubs::{NUMBER, PASSWORD, TOKEN};
use crate::world::World;

fn request(headers: &[(&str, &str)], number_header: Option<&str>) -> CheckRequest {
    let pairs = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let extension = number_header.map(|name| ("aikagi_number_header", name));
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(HttpRequest {
                    headers: pairs(headers),
                }),
            }),
            context_extensions: pairs(extension.as_slice()),
        }),
    }
}

async fn world() -> World {
    let world = World::start("", "").await;
    let login = LoginRequest {
        number: NUMBER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    world.web("Login", &login, &[]).await;
    world
}

async fn check(world: &World, request: CheckRequest) -> CheckResponse {
    let mut envoy = AuthorizationClient::new(world.private("backend"));
    envoy.check(request).await.unwrap().into_inner()
}

/// The status for the client and the reason that it is told.
fn denied(answer: &CheckResponse) -> (i32, String) {
    assert_ne!(answer.status.as_ref().unwrap().code, i32::from(Code::Ok));
    let Some(HttpResponse::DeniedResponse(denied)) = &answer.http_response else {
        panic!("not denied: {answer:?}");
    };
    assert!(!denied.body.is_empty());
    let header = denied.headers[0].header.as_ref().unwrap();
    assert_eq!(header.key, "x-aikagi-reason");
    (denied.status.as_ref().unwrap().code, header.value.clone())
}

/// SESS-4, SESS-3: a request whose session may is let through and bears the account, whether the session is in the
/// cookie or a bearer token, and whichever header the route takes the number from.
#[tokio::test]
async fn a_request_whose_session_may_is_let_through() {
    let world = world().await;
    let cookie = format!("theme=dark; __Host-aikagi={TOKEN}");
    let bearer = format!("Bearer {TOKEN}");
    for request in [
        request(&[("cookie", &cookie), ("x-aikagi-number", NUMBER)], None),
        request(
            &[("authorization", &bearer), ("x-aikagi-number", NUMBER)],
            None,
        ),
        request(&[("cookie", &cookie), ("x-line", NUMBER)], Some("X-Line")),
    ] {
        let answer = check(&world, request).await;
        assert_eq!(answer.status.unwrap().code, i32::from(Code::Ok));
        let Some(HttpResponse::OkResponse(ok)) = answer.http_response else {
            panic!("not let through");
        };
        let header = ok.headers[0].header.clone().unwrap();
        assert_eq!(
            (header.key.as_str(), header.value.as_str()),
            ("x-aikagi-account", NUMBER)
        );
    }
}

/// SESS-4, OPS-4: any other request is denied, with a status for the client and a stable reason.
#[tokio::test]
async fn any_other_request_is_denied() {
    let world = world().await;
    let cookie = format!("__Host-aikagi={TOKEN}");
    let dead = format!("__Host-aikagi={}", crate::stubs::NEW_TOKEN);
    let twice = format!("{cookie}; {cookie}");
    let number = ("x-aikagi-number", NUMBER);
    for (headers, status, reason) in [
        (vec![number], 401, "SESSION_REQUIRED"),
        (vec![number, ("cookie", &dead)], 401, "SESSION_ENDED"),
        (vec![number, ("cookie", &twice)], 401, "SESSION_ENDED"),
        (vec![number, ("cookie", "\u{7f}")], 401, "SESSION_ENDED"),
        (vec![("cookie", &cookie)], 400, "INVALID_FIELD"),
    ] {
        let answer = check(&world, request(&headers, None)).await;
        assert_eq!(denied(&answer), (status, reason.to_owned()), "{headers:?}");
    }
    let nothing = check(&world, CheckRequest::default()).await;
    assert_eq!(denied(&nothing).0, 400);
}

/// INV-7: nobody but a back end's proxy asks.
#[tokio::test]
async fn only_back_ends_ask() {
    let world = world().await;
    for workload in ["operator", "ivr", "stranger"] {
        let mut envoy = AuthorizationClient::new(world.private(workload));
        let refused = envoy.check(CheckRequest::default()).await.unwrap_err();
        assert_eq!(reason_of(&refused), Some(ErrorReason::CallerNotAllowed));
    }
}
