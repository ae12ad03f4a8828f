//! The gRPC service: each RPC calls its module and converts the result into a response.

use aikagi_api::authentication::v1::authentication_service_server::AuthenticationService;
use aikagi_api::authentication::v1::{
    CheckAccessRequest, CheckAccessResponse, CheckReuseRequest, CheckReuseResponse,
    CheckSessionRequest, CheckSessionResponse, EndOtherSessionsRequest, EndOtherSessionsResponse,
    EndOwnSessionRequest, EndOwnSessionResponse, EndSessionsRequest, EndSessionsResponse,
    ListOwnSessionsRequest, ListOwnSessionsResponse, ListSessionsRequest, ListSessionsResponse,
    LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, RotateSessionRequest,
    RotateSessionResponse, VerifyPasswordRequest, VerifyPasswordResponse,
};
use aikagi_domain::fault::InternalFault;
use aikagi_mesh::guard::actor_of;
use aikagi_mesh::response::answer;
use aikagi_refusal::Failure;
use tonic::{Request, Response, Status};

use crate::{
    Authentication, check_access, check_reuse, check_session, end_other_sessions, end_own_session,
    end_sessions, list_own_sessions, list_sessions, login, logout, rotate_session, verify_password,
};

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
        let actor = actor_of(&request);
        answer(end_sessions::end_sessions(self, &actor, request.into_inner()).await)
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        answer(list_sessions::list_sessions(self, request.into_inner()).await)
    }

    async fn list_own_sessions(
        &self,
        request: Request<ListOwnSessionsRequest>,
    ) -> Result<Response<ListOwnSessionsResponse>, Status> {
        answer(list_own_sessions::list_own_sessions(self, request.into_inner()).await)
    }

    async fn end_own_session(
        &self,
        request: Request<EndOwnSessionRequest>,
    ) -> Result<Response<EndOwnSessionResponse>, Status> {
        answer(end_own_session::end_own_session(self, request.into_inner()).await)
    }

    async fn end_other_sessions(
        &self,
        request: Request<EndOtherSessionsRequest>,
    ) -> Result<Response<EndOtherSessionsResponse>, Status> {
        answer(end_other_sessions::end_other_sessions(self, request.into_inner()).await)
    }
}

impl Authentication {
    /// Runs work to its end, even if the RPC is cancelled (INV-6).
    pub(crate) async fn uninterrupted<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.shutdown
            .carry_through(work)
            .await
            .unwrap_or(Err(InternalFault(
                "the task of an attempt ended without a result",
            )
            .into()))
    }
}
