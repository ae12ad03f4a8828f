//! `aikagi.edge.v1.SubscriberService`: the RPCs of subscribers. Each RPC except `GetProfile` calls the service that
//! does the work. The session token is in a cookie or is a bearer token (SESS-3).

mod change_password;
mod end_other_sessions;
mod end_own_session;
mod get_policy;
mod get_profile;
mod get_session;
mod list_own_events;
mod list_own_sessions;
mod login;
mod logout;
mod migrate;
mod preview_migration;

use std::sync::Arc;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::edge::v1::subscriber_service_server::SubscriberService;
use aikagi_api::edge::v1::{
    ChangePasswordRequest, ChangePasswordResponse, EndOtherSessionsRequest,
    EndOtherSessionsResponse, EndOwnSessionRequest, EndOwnSessionResponse, GetPolicyRequest,
    GetPolicyResponse, GetProfileRequest, GetProfileResponse, GetSessionRequest,
    GetSessionResponse, ListOwnEventsRequest, ListOwnEventsResponse, ListOwnSessionsRequest,
    ListOwnSessionsResponse, LoginRequest, LoginResponse, LogoutRequest, LogoutResponse,
    MigrateRequest, MigrateResponse, PreviewMigrationRequest, PreviewMigrationResponse,
};
use aikagi_api::password::v1::password_service_client::PasswordServiceClient;
use aikagi_api::units::v1::activity_service_client::ActivityServiceClient;
use aikagi_api::units::v1::migration_service_client::MigrationServiceClient;
use aikagi_mesh::client::Upstream;
use tonic::{Request, Response, Status};

use crate::profile::ProfileSettings;
use crate::session_token::ClientSession;
use crate::shedding::Shedding;
use crate::upstreams::EdgeUpstreams;

/// The gRPC service for subscribers.
#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    authentication: AuthenticationServiceClient<Upstream>,
    password: PasswordServiceClient<Upstream>,
    migration: MigrationServiceClient<Upstream>,
    activity: ActivityServiceClient<Upstream>,
    profile: Arc<ProfileSettings>,
    shedding: Shedding,
}

impl Subscriber {
    pub(crate) fn new(
        upstreams: &EdgeUpstreams,
        profile: ProfileSettings,
        shedding: Shedding,
    ) -> Self {
        Self {
            authentication: AuthenticationServiceClient::new(upstreams.authentication.clone()),
            password: PasswordServiceClient::new(upstreams.password.clone()),
            migration: MigrationServiceClient::new(upstreams.units.clone()),
            activity: ActivityServiceClient::new(upstreams.units.clone()),
            profile: Arc::new(profile),
            shedding,
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

    fn activity(&self) -> ActivityServiceClient<Upstream> {
        self.activity.clone()
    }
}

#[tonic::async_trait]
impl SubscriberService for Subscriber {
    async fn login(
        &self,
        request: Request<LoginRequest>,
    ) -> Result<Response<LoginResponse>, Status> {
        let client = ClientSession::of_request(&request);
        client.clear_ended(login::login(self, &client, request).await)
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        let client = ClientSession::of_request(&request);
        client.clear_ended(logout::logout(self, &client).await)
    }

    async fn get_session(
        &self,
        request: Request<GetSessionRequest>,
    ) -> Result<Response<GetSessionResponse>, Status> {
        let client = ClientSession::of_request(&request);
        client.clear_ended(get_session::get_session(self, &client, request.into_inner()).await)
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let client = ClientSession::of_request(&request);
        client.clear_ended(
            change_password::change_password(self, &client, request.into_inner()).await,
        )
    }

    async fn preview_migration(
        &self,
        request: Request<PreviewMigrationRequest>,
    ) -> Result<Response<PreviewMigrationResponse>, Status> {
        let client = ClientSession::of_request(&request);
        let request = request.into_inner();
        client.clear_ended(preview_migration::preview_migration(self, &client, request).await)
    }

    async fn migrate(
        &self,
        request: Request<MigrateRequest>,
    ) -> Result<Response<MigrateResponse>, Status> {
        let client = ClientSession::of_request(&request);
        client.clear_ended(migrate::migrate(self, &client, request).await)
    }

    async fn list_own_sessions(
        &self,
        request: Request<ListOwnSessionsRequest>,
    ) -> Result<Response<ListOwnSessionsResponse>, Status> {
        let client = ClientSession::of_request(&request);
        client.clear_ended(list_own_sessions::list_own_sessions(self, &client).await)
    }

    async fn end_own_session(
        &self,
        request: Request<EndOwnSessionRequest>,
    ) -> Result<Response<EndOwnSessionResponse>, Status> {
        let client = ClientSession::of_request(&request);
        let request = request.into_inner();
        client.clear_ended(end_own_session::end_own_session(self, &client, request).await)
    }

    async fn end_other_sessions(
        &self,
        request: Request<EndOtherSessionsRequest>,
    ) -> Result<Response<EndOtherSessionsResponse>, Status> {
        let client = ClientSession::of_request(&request);
        client.clear_ended(end_other_sessions::end_other_sessions(self, &client).await)
    }

    async fn list_own_events(
        &self,
        request: Request<ListOwnEventsRequest>,
    ) -> Result<Response<ListOwnEventsResponse>, Status> {
        let client = ClientSession::of_request(&request);
        client.clear_ended(list_own_events::list_own_events(self, &client).await)
    }

    async fn get_policy(
        &self,
        _request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        get_policy::get_policy(self).await
    }

    async fn get_profile(
        &self,
        _request: Request<GetProfileRequest>,
    ) -> Result<Response<GetProfileResponse>, Status> {
        Ok(get_profile::get_profile(self))
    }
}
