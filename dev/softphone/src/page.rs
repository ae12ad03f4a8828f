//! The page, and the request that it sends: a turn of a call.

use aikagi_api::issuance::v1::TakeTurnRequest;
use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tonic::transport::Channel;

use crate::call::{Turn, TurnResponse};

const PAGE: &str = include_str!("../page/index.html");
const SCRIPT: &str = include_str!("../page/softphone.js");
const STYLE: &str = include_str!("../page/softphone.css");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A page of another origin cannot send this content type without a preflight request, which is refused.
const JSON: &str = "application/json";

/// The page on port `port`, with a link to the settings site at `site`. It responds only to
/// requests for a name of this machine. So a page on the internet cannot reach the softphone by a
/// name that resolves to this machine (DNS rebinding).
pub(crate) fn router(calls: CallServiceClient<Channel>, port: u16, site: &str) -> Router {
    let file = |kind: &'static str, text: &str| {
        let text = Bytes::copy_from_slice(text.as_bytes());
        get(move || async move { ([(CONTENT_TYPE, kind)], text) })
    };
    let page = PAGE.replace("{{site}}", site);
    let names = ["localhost", "127.0.0.1"].map(|name| format!("{name}:{port}"));
    Router::new()
        .route("/", file("text/html; charset=utf-8", &page))
        .route(
            "/softphone.js",
            file("text/javascript; charset=utf-8", SCRIPT),
        )
        .route("/softphone.css", file("text/css; charset=utf-8", STYLE))
        .route("/turn", post(turn))
        .with_state(calls)
        .layer(map_response(protect))
        .layer(from_fn_with_state(names, only_here))
}

async fn turn(
    State(mut calls): State<CallServiceClient<Channel>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != JSON) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let Ok(turn) = serde_json::from_slice::<Turn>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let response = match calls.take_turn(TakeTurnRequest::from(turn)).await {
        Ok(response) => TurnResponse::from(response.into_inner()),
        Err(status) => TurnResponse::from(&status),
    };
    match serde_json::to_vec(&response) {
        Ok(text) => ([(CONTENT_TYPE, JSON)], text).into_response(),
        Err(_impossible) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn only_here(State(names): State<[String; 2]>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| names.iter().any(|name| name == host)) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
