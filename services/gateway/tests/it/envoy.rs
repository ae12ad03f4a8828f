//! The access check of SESS-4 for an Envoy proxy.

use std::collections::HashMap;

use aikagi_api::edge::v1::LoginRequest;
use aikagi_api::envoy::v3::authorization_client::AuthorizationClient;
use aikagi_api::envoy::v3::check_response::HttpResponse;
use aikagi_api::envoy::v3::{AttributeContext, CheckRequest, CheckResponse, HttpRequest, Request};
use aikagi_refusal::{ErrorReason, reason_of};
use tonic::Code;

use crate::fixture::Fixture;
use crate::stubs::{NUMBER, PASSWORD, TOKEN};

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

async fn logged_in() -> Fixture {
    let fixture = Fixture::start("", "").await;
    let login = LoginRequest {
        number: NUMBER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    fixture.web("Login", &login, &[]).await;
    fixture
}

async fn check(fixture: &Fixture, request: CheckRequest) -> CheckResponse {
    let mut envoy = AuthorizationClient::new(fixture.private("backend"));
    envoy.check(request).await.unwrap().into_inner()
}

/// The HTTP status and the reason that the client gets.
fn denied(response: &CheckResponse) -> (i32, String) {
    assert_ne!(response.status.as_ref().unwrap().code, i32::from(Code::Ok));
    let Some(HttpResponse::DeniedResponse(denied)) = &response.http_response else {
        panic!("expected a denial: {response:?}");
    };
    assert!(!denied.body.is_empty());
    let header = denied.headers[0].header.as_ref().unwrap();
    assert_eq!(header.key, "x-aikagi-reason");
    (denied.status.as_ref().unwrap().code, header.value.clone())
}

/// SESS-4, SESS-3: a request is allowed if its session may change the number. The response names the account. The token
/// is in the cookie or is a bearer token. The route can name another header for the number.
#[tokio::test]
async fn a_request_in_scope_is_allowed() {
    let fixture = logged_in().await;
    let cookie = format!("theme=dark; __Host-aikagi={TOKEN}");
    let bearer = format!("Bearer {TOKEN}");
    let foreign = format!("名前=値; {cookie}");
    for request in [
        request(&[("cookie", &cookie), ("x-aikagi-number", NUMBER)], None),
        request(
            &[("authorization", &bearer), ("x-aikagi-number", NUMBER)],
            None,
        ),
        request(&[("cookie", &cookie), ("x-line", NUMBER)], Some("X-Line")),
        // Cookies and authorization schemes that are not ours are ignored.
        request(&[("cookie", &foreign), ("x-aikagi-number", NUMBER)], None),
        request(
            &[
                ("authorization", "Basic dXNlcjpwYXNz"),
                ("cookie", &cookie),
                ("x-aikagi-number", NUMBER),
            ],
            None,
        ),
    ] {
        let response = check(&fixture, request).await;
        assert_eq!(response.status.unwrap().code, i32::from(Code::Ok));
        let Some(HttpResponse::OkResponse(ok)) = response.http_response else {
            panic!("expected the request to be allowed");
        };
        let header = ok.headers[0].header.clone().unwrap();
        assert_eq!(
            (header.key.as_str(), header.value.as_str()),
            ("x-aikagi-account", NUMBER)
        );
    }
}

/// SESS-4, OPS-4: any other request is denied with an HTTP status and a reason.
#[tokio::test]
async fn any_other_request_is_denied() {
    let fixture = logged_in().await;
    let cookie = format!("__Host-aikagi={TOKEN}");
    let ended = format!("__Host-aikagi={}", crate::stubs::NEW_TOKEN);
    let twice = format!("{cookie}; {cookie}");
    let number = ("x-aikagi-number", NUMBER);
    for (headers, status, reason) in [
        (vec![number], 401, "SESSION_REQUIRED"),
        (vec![number, ("cookie", &ended)], 401, "SESSION_ENDED"),
        (vec![number, ("cookie", &twice)], 401, "SESSION_ENDED"),
        (vec![number, ("cookie", "\u{7f}")], 401, "SESSION_ENDED"),
        (vec![("cookie", &cookie)], 400, "INVALID_FIELD"),
    ] {
        let response = check(&fixture, request(&headers, None)).await;
        assert_eq!(
            denied(&response),
            (status, reason.to_owned()),
            "{headers:?}"
        );
    }
    let nothing = check(&fixture, CheckRequest::default()).await;
    assert_eq!(denied(&nothing).0, 400);
}

/// INV-7: only the proxy of a settings back end may call the check.
#[tokio::test]
async fn only_back_ends_may_check() {
    let fixture = logged_in().await;
    for workload in ["operator", "ivr", "stranger"] {
        let mut envoy = AuthorizationClient::new(fixture.private(workload));
        let refused = envoy.check(CheckRequest::default()).await.unwrap_err();
        assert_eq!(reason_of(&refused), Some(ErrorReason::CallerNotAllowed));
    }
}
