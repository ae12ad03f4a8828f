//! `aikagi.edge.v1.SubscriberService`: a subscriber's own account. Each RPC is turned into the call of the service
//! that owns it, its session into a cookie or a bearer token (SESS-3).

mod change_password;
mod get_policy;
mod get_session;
mod login;
mod logout;
mod migrate;
mod preview_migration;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::edge::v1::subscriber_service_server::SubscriberService;
use aikagi_api::edge::v1::{
    ChangePasswordRequest, ChangePasswordResponse, GetPolicyRequest, GetPolicyResponse,
    GetSessionRequest, GetSessionResponse, LoginRequest, LoginResponse, LogoutRequest,
    LogoutResponse, MigrateRequest, MigrateResponse, PreviewMigrationRequest,
    PreviewMigrationResponse,
};
use aikagi_api::password::v1::password_service_client::PasswordServiceClient;
use aikagi_api::units::v1::migration_service_client::MigrationServiceClient;
use aikagi_mesh::client::Upstream;
use tonic::{Request, Response, Status};

use crate::presented::Visit;
use crate::upstreams::Upstreams;

/// Serves subscribers.
#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    authentication: AuthenticationServiceClient<Upstream>,
    password: PasswordServiceClient<Upstream>,
    migration: MigrationServiceClient<Upstream>,
}

impl Subscriber {
    pub(crate) fn new(upstreams: &Upstreams) -> Self {
        Self {
            authentication: AuthenticationServiceClient::new(upstreams.authentication.clone()),
            password: PasswordServiceClient::new(upstreams.password.clone()),
            migration: MigrationServiceClient::new(upstreams.units.clone()),
        }
    }

    fn authentication(&self) -> AuthenticationServiceClient<Upstream> {
        self.authentication.clone()
    }

    fn password(&self) -> PasswordServiceClient<Upstream> {
        self.password.clone()
    }

    fn migration(&self) -> MigrationServiceClient<Upstream> {
        self.migration.clone()
    }
}

#[tonic::async_trait]
impl SubscriberService for Subscriber {
    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let visit = Visit::of(&request);
        visit.conclude(login::login(self, &visit, request.into_inner()).await)
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        let visit = Visit::of(&request);
        visit.conclude(logout::logout(self, &visit).await)
    }

    async fn get_session(
        &self,
        request: Request<GetSessionRequest>,
    ) -> Result<Response<GetSessionResponse>, Status> {
        let visit = Visit::of(&request);
        visit.conclude(get_session::get_session(self, &visit, request.into_inner()).await)
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let visit = Visit::of(&request);
        visit.conclude(change_password::change_password(self, &visit, request.into_inner()).await)
    }

    async fn preview_migration(
        &self,
        request: Request<PreviewMigrationRequest>,
    ) -> Result<Response<PreviewMigrationResponse>, Status> {
        let visit = Visit::of(&request);
        let request = request.into_inner();
        visit.conclude(preview_migration::preview_migration(self, &visit, request).await)
    }

    async fn migrate(
        &self,
        request: Request<MigrateRequest>,
    ) -> Result<Response<MigrateResponse>, Status> {
        let visit = Visit::of(&request);
        visit.conclude(migrate::migrate(self, &visit, request.into_inner()).await)
    }

    async fn get_policy(
        &self,
        _request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        get_policy::get_policy(self).await
    }
}
