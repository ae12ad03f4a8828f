//! The RPCs on the wire: each hands its message to its module and renders what comes back.

use aikagi_api::authentication::v1::authentication_service_server::AuthenticationService;
use aikagi_api::authentication::v1::{
    CheckAccessRequest, CheckAccessResponse, CheckReuseRequest, CheckReuseResponse,
    CheckSessionRequest, CheckSessionResponse, EndSessionsRequest, EndSessionsResponse,
    LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, RotateSessionRequest,
    RotateSessionResponse, VerifyPasswordRequest, VerifyPasswordResponse,
};
use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_mesh::deadline;
use aikagi_mesh::errors::{ErrorReason, Refusal};
use aikagi_mesh::guard::Caller;
use tonic::{Request, Response, Status};
use tracing::Instrument;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::{
    Authentication, check_access, check_reuse, check_session, end_sessions, login, logout,
    rotate_session, verify_password,
};

fn answer<T>(result: Result<T, Failure>) -> Result<Response<T>, Status> {
    result
        .map(Response::new)
        .map_err(|failure| Refusal::from(failure).into())
}

#[tonic::async_trait]
impl AuthenticationService for Authentication {
    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        answer(login::login(self, request.into_inner()).await)
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        answer(logout::logout(self, request.into_inner()).await)
    }

    async fn check_session(
        &self,
        request: Request<CheckSessionRequest>,
    ) -> Result<Response<CheckSessionResponse>, Status> {
        answer(check_session::check_session(self, request.into_inner()).await)
    }

    async fn check_access(
        &self,
        request: Request<CheckAccessRequest>,
    ) -> Result<Response<CheckAccessResponse>, Status> {
        answer(check_access::check_access(self, request.into_inner()).await)
    }

    async fn verify_password(
        &self,
        request: Request<VerifyPasswordRequest>,
    ) -> Result<Response<VerifyPasswordResponse>, Status> {
        answer(verify_password::verify_password(self, request.into_inner()).await)
    }

    async fn check_reuse(
        &self,
        request: Request<CheckReuseRequest>,
    ) -> Result<Response<CheckReuseResponse>, Status> {
        answer(check_reuse::check_reuse(self, request.into_inner()).await)
    }

    async fn rotate_session(
        &self,
        request: Request<RotateSessionRequest>,
    ) -> Result<Response<RotateSessionResponse>, Status> {
        answer(rotate_session::rotate_session(self, request.into_inner()).await)
    }

    async fn end_sessions(
        &self,
        request: Request<EndSessionsRequest>,
    ) -> Result<Response<EndSessionsResponse>, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let actor = caller.as_ref().map_or("", Caller::actor);
        answer(end_sessions::end_sessions(self, actor, request.into_inner()).await)
    }
}

impl Authentication {
    /// Runs what must not be cut off by a caller that goes away (INV-6), under the call's deadline and span.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let work = deadline::inherit(deadline::current(), work).in_current_span();
        self.shutdown
            .run_to_end(work)
            .await
            .unwrap_or(Err(Failure::Internal("an attempt was cut off")))
    }
}

/// UNIT-3: reads a number, in any of its forms.
pub(crate) fn number(field: &'static str, text: &str) -> Result<TelephoneNumber, Refusal> {
    TelephoneNumber::parse(text).map_err(|_malformed| {
        Refusal::invalid_field(field, "not a telephone number of ten or eleven digits")
    })
}

/// Takes a password out of its message.
pub(crate) fn typed(field: &'static str, text: &mut String) -> Result<TypedPassword, Refusal> {
    let text = Zeroizing::new(std::mem::take(text));
    TypedPassword::parse(&text).map_err(|_malformed| {
        Refusal::new(ErrorReason::InvalidField).field(field, "empty or longer than 64 bytes")
    })
}
