//! `envoy.service.auth.v3.Authorization`: the access check of SESS-4 in the form in which an Envoy proxy asks it, so
//! that a mesh guards a settings back end without code.

use std::collections::HashMap;

use aikagi_api::authentication::v1::CheckAccessRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::envoy::v3::authorization_server::Authorization;
use aikagi_api::envoy::v3::check_response::HttpResponse;
use aikagi_api::envoy::v3::{
    CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpStatus,
    OkHttpResponse,
};
use aikagi_mesh::client::Upstream;
use aikagi_refusal::{ErrorReason, Refusal, forward, name_of, reason_of};
use http::{HeaderMap, HeaderName, StatusCode};
use tonic::{Code, Request, Response, Status};

use crate::presented::Visit;

/// The header that names the number to be changed, unless the route names another.
const NUMBER_HEADER: &str = "x-aikagi-number";

/// The context extension of a route that names another header.
const NUMBER_HEADER_EXTENSION: &str = "aikagi_number_header";

/// The header in which the back end is told the account.
const ACCOUNT_HEADER: &str = "x-aikagi-account";

/// The header in which a denied client is told the reason.
const REASON_HEADER: &str = "x-aikagi-reason";

/// Answers Envoy.
#[derive(Debug, Clone)]
pub(crate) struct Envoy {
    authentication: AuthenticationServiceClient<Upstream>,
}

impl Envoy {
    pub(crate) fn new(authentication: Upstream) -> Self {
        Self {
            authentication: AuthenticationServiceClient::new(authentication),
        }
    }

    /// SESS-4: the account that may, or why not.
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
            .ok_or_else(|| Refusal::invalid_field("number", "the header that names it is missing"))?
            .clone();
        let access = CheckAccessRequest {
            session_token: Visit::of_browser(&headers(&http.headers)?)
                .token()?
                .to_string(),
            number,
        };
        let answer = self.authentication.clone().check_access(access).await;
        let mut answer = answer.map_err(|status| forward(&status))?.into_inner();
        Ok(std::mem::take(&mut answer.account_number))
    }
}

#[tonic::async_trait]
impl Authorization for Envoy {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let answer = match self.check_access(request.into_inner()).await {
            Ok(account) => allowed(account),
            Err(status) => denied(&status),
        };
        Ok(Response::new(answer))
    }
}

/// The headers in which a session can be presented.
fn headers(sent: &HashMap<String, String>) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    for name in [http::header::AUTHORIZATION, http::header::COOKIE] {
        if let Some(value) = sent.get(name.as_str()) {
            let value = value
                .parse()
                .map_err(|_invalid| Refusal::new(ErrorReason::SessionEnded))?;
            headers.insert::<HeaderName>(name, value);
        }
    }
    Ok(headers)
}

fn allowed(account: String) -> CheckResponse {
    CheckResponse {
        status: Some(status(Code::Ok, String::new())),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers: vec![header(ACCOUNT_HEADER, account)],
        })),
    }
}

fn denied(why: &Status) -> CheckResponse {
    let reason = reason_of(why).unwrap_or(ErrorReason::Internal);
    CheckResponse {
        status: Some(status(why.code(), why.message().to_owned())),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus {
                code: http_status(why.code()).as_u16().into(),
            }),
            headers: vec![header(REASON_HEADER, name_of(reason).to_owned())],
            body: why.message().to_owned(),
        })),
    }
}

fn status(code: Code, message: String) -> aikagi_api::envoy::v3::Status {
    aikagi_api::envoy::v3::Status {
        code: code.into(),
        message,
    }
}

fn header(key: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: key.to_owned(),
            value,
        }),
    }
}

/// What a client of HTTP is told for a refusal of `CheckAccess`; what it is never refused with is a fault of ours.
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
