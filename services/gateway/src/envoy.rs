//! `envoy.service.auth.v3.Authorization`: the access check of SESS-4 for an Envoy proxy in front of a settings back
//! end. The back end then needs no code for the check.

use std::collections::HashMap;

use aikagi_api::authentication::v1::CheckAccessRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::envoy::v3::authorization_server::Authorization;
use aikagi_api::envoy::v3::check_response::HttpResponse;
use aikagi_api::envoy::v3::header_value_option::HeaderAppendAction;
use aikagi_api::envoy::v3::{
    CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpStatus,
    OkHttpResponse,
};
use aikagi_mesh::client::Upstream;
use aikagi_refusal::{ErrorReason, Refusal, forward, name_of, reason_of};
use http::{HeaderMap, HeaderName, HeaderValue as HeaderBytes, StatusCode};
use tonic::{Code, Request, Response, Status};

use crate::session_token::ClientSession;
use crate::settings::EnvoySettings;

/// The header with the number whose settings are changed, unless the route names another header.
const NUMBER_HEADER: &str = "x-aikagi-number";

/// The context extension with which a route names another header for the number.
const NUMBER_HEADER_EXTENSION: &str = "aikagi_number_header";

/// The header that tells the back end the account.
const ACCOUNT_HEADER: &str = "x-aikagi-account";

/// The header that tells a denied client the reason.
const REASON_HEADER: &str = "x-aikagi-reason";

/// The gRPC service for Envoy.
#[derive(Debug, Clone)]
pub(crate) struct Envoy {
    authentication: AuthenticationServiceClient<Upstream>,
    /// The names of the client's headers that the back end must not get.
    removed: Vec<String>,
}

impl Envoy {
    pub(crate) fn new(authentication: Upstream, settings: &EnvoySettings) -> Self {
        let removed = settings.remove_headers.iter();
        Self {
            authentication: AuthenticationServiceClient::new(authentication),
            removed: removed.map(|header| header.name().to_string()).collect(),
        }
    }

    /// SESS-4: returns the account of the session. Fails if the session may not change the number's settings.
    async fn check_access(&self, request: CheckRequest) -> Result<String, Status> {
        let attributes = request.attributes.unwrap_or_default();
        let http = attributes.request.unwrap_or_default().http;
        let http = http.unwrap_or_default();
        let number_header = attributes
            .context_extensions
            .get(NUMBER_HEADER_EXTENSION)
            .map_or(NUMBER_HEADER, String::as_str);
        let number = http
            .headers
            .get(&number_header.to_ascii_lowercase())
            .ok_or_else(|| {
                Refusal::invalid_field("number", "the header with the number is missing")
            })?
            .clone();
        let access = CheckAccessRequest {
            session_token: ClientSession::of_browser(&headers(&http.headers)?)
                .token()?
                .to_string(),
            number,
        };
        let response = self.authentication.clone().check_access(access).await;
        let mut access = response.map_err(|status| forward(&status))?.into_inner();
        Ok(std::mem::take(&mut access.account_number))
    }
}

#[tonic::async_trait]
impl Authorization for Envoy {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let response = match self.check_access(request.into_inner()).await {
            Ok(account) => allowed(account, self.removed.clone()),
            Err(status) => denied(&status),
        };
        Ok(Response::new(response))
    }
}

/// The headers that can contain a session token.
fn headers(sent: &HashMap<String, String>) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    for name in [http::header::AUTHORIZATION, http::header::COOKIE] {
        if let Some(value) = sent.get(name.as_str()) {
            // Cookies that are not ours can have any characters.
            let value = HeaderBytes::from_bytes(value.as_bytes())
                .map_err(|_invalid| Refusal::new(ErrorReason::SessionEnded))?;
            headers.insert::<HeaderName>(name, value);
        }
    }
    Ok(headers)
}

fn allowed(account: String, headers_to_remove: Vec<String>) -> CheckResponse {
    CheckResponse {
        status: Some(status(Code::Ok, String::new())),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers: vec![header(ACCOUNT_HEADER, account)],
            headers_to_remove,
        })),
    }
}

fn denied(refusal: &Status) -> CheckResponse {
    let reason = reason_of(refusal).unwrap_or(ErrorReason::Internal);
    CheckResponse {
        status: Some(status(refusal.code(), refusal.message().to_owned())),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus {
                code: http_status(refusal.code()).as_u16().into(),
            }),
            headers: vec![header(REASON_HEADER, name_of(reason).to_owned())],
            body: refusal.message().to_owned(),
        })),
    }
}

fn status(code: Code, message: String) -> aikagi_api::envoy::v3::Status {
    aikagi_api::envoy::v3::Status {
        code: code.into(),
        message,
    }
}

/// A header that replaces one of the same name. The default of Envoy 1.37 would append the value to the client's.
fn header(key: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: key.to_owned(),
            value,
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}

/// The HTTP status for a refusal of `CheckAccess`. A code that `CheckAccess` never uses is a fault.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied | Code::FailedPrecondition => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
