//! The access check of SESS-4 for an Envoy proxy.

use std::collections::HashMap;

use aikagi_api::edge::v1::LoginRequest;
use aikagi_api::envoy::v3::authorization_client::AuthorizationClient;
use aikagi_api::envoy::v3::check_response::HttpResponse;
use aikagi_api::envoy::v3::{
    AttributeContext, CheckRequest, CheckResponse, HeaderValue, HttpRequest, Request,
};
use aikagi_refusal::{ErrorReason, reason_of};
use prost::Message as _;
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
    logged_in_with("").await
}

/// Starts an edge and a gateway with these lines in the section `envoy`, and logs in.
async fn logged_in_with(settings: &str) -> Fixture {
    let fixture = Fixture::start_for_envoy(settings).await;
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

/// The back end's view of an allowed request: the headers of the client after the changes of the response.
fn forwarded(
    response: &CheckResponse,
    client: &[(&str, &str)],
    appends: impl Fn(&WireOption) -> bool,
) -> Vec<(String, String)> {
    let wire = WireResponse::decode(response.encode_to_vec().as_slice()).unwrap();
    let changes = wire.ok_response.unwrap();
    let mut headers: Vec<(String, String)> = client
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for option in &changes.headers {
        let header = option.header.clone().unwrap();
        if !appends(option) {
            headers.retain(|(name, _value)| *name != header.key);
        }
        headers.push((header.key.clone(), header.value.clone()));
    }
    headers.retain(|(name, _value)| !changes.headers_to_remove.contains(name));
    headers
}

/// Envoy before 1.37: `append` decides, and is false by default. `append_action` has no effect.
fn appends_before_1_37(option: &WireOption) -> bool {
    option.append.unwrap_or_default()
}

/// Envoy since 1.37: `append` decides if it is set. Otherwise `append_action` decides, and its default appends.
fn appends_since_1_37(option: &WireOption) -> bool {
    option.append.unwrap_or(option.append_action == 0)
}

/// The fields of Envoy's `CheckResponse` that change an allowed request.
#[derive(Clone, PartialEq, prost::Message)]
struct WireResponse {
    #[prost(message, optional, tag = "3")]
    ok_response: Option<WireChanges>,
}

/// Envoy's `OkHttpResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct WireChanges {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<WireOption>,
    #[prost(string, repeated, tag = "5")]
    headers_to_remove: Vec<String>,
}

/// Envoy's `HeaderValueOption`, with the deprecated field.
#[derive(Clone, PartialEq, prost::Message)]
struct WireOption {
    #[prost(message, optional, tag = "1")]
    header: Option<HeaderValue>,
    #[prost(message, optional, tag = "2")]
    append: Option<bool>,
    #[prost(int32, tag = "3")]
    append_action: i32,
}

/// SESS-4: the back end sees only the account that Aikagi found, whatever the client sent and whatever version Envoy
/// has.
#[tokio::test]
async fn an_account_that_the_client_sends_does_not_survive() {
    let fixture = logged_in().await;
    let cookie = format!("__Host-aikagi={TOKEN}");
    let client = [
        ("cookie", cookie.as_str()),
        ("x-aikagi-number", NUMBER),
        ("x-aikagi-account", "0399999999"),
    ];
    let response = check(&fixture, request(&client, None)).await;
    for appends in [appends_before_1_37, appends_since_1_37] {
        let headers = forwarded(&response, &client, appends);
        let accounts: Vec<&str> = headers
            .iter()
            .filter(|(name, _value)| name == "x-aikagi-account")
            .map(|(_name, value)| value.as_str())
            .collect();
        assert_eq!(accounts, [NUMBER]);
        // Without the setting, the back end gets the client's cookies.
        assert!(headers.iter().any(|(name, _value)| name == "cookie"));
    }
}

/// SESS-4: with `envoy.remove_headers` the back end does not get the session token.
#[tokio::test]
async fn a_setting_removes_the_session_token() {
    let fixture = logged_in_with(r#"remove_headers = ["authorization", "cookie"]"#).await;
    let bearer = format!("Bearer {TOKEN}");
    let client = [
        ("authorization", bearer.as_str()),
        ("cookie", "theme=dark"),
        ("x-aikagi-number", NUMBER),
    ];
    let response = check(&fixture, request(&client, None)).await;
    for appends in [appends_before_1_37, appends_since_1_37] {
        let headers = forwarded(&response, &client, appends);
        let mut names: Vec<&str> = headers.iter().map(|(name, _value)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["x-aikagi-account", "x-aikagi-number"]);
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
