//! Stubs of the services behind the edge and the gateway.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aikagi_api::authentication::v1 as authentication;
use aikagi_api::authentication::v1::authentication_service_server::AuthenticationService;
use aikagi_api::password::v1 as password;
use aikagi_api::password::v1::password_service_server::PasswordService;
use aikagi_api::units::v1 as units;
use aikagi_api::units::v1::activity_service_server::ActivityService;
use aikagi_api::units::v1::migration_service_server::MigrationService;
use aikagi_mesh::guard::Caller;
use aikagi_refusal::{ErrorReason, Refusal};
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

pub(crate) const NUMBER: &str = "0312345678";
pub(crate) const PASSWORD: &str = "abcd1234";
pub(crate) const SLOW_PASSWORD: &str = "slow1234";
/// With this password a login is refused for load.
pub(crate) const BUSY_PASSWORD: &str = "busy1234";
/// A unit migration with this revision waits in the stub, as a login with [`SLOW_PASSWORD`] does.
pub(crate) const SLOW_REVISION: &str = "slow";
pub(crate) const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub(crate) const NEW_TOKEN: &str = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A stub of all upstreams. It has at most one session, and records its RPCs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stub(Arc<State>);

#[derive(Debug, Default)]
struct State {
    live: Mutex<Option<&'static str>>,
    calls: Mutex<Vec<String>>,
    /// The class of the device in the last login.
    device: Mutex<authentication::DeviceClass>,
    /// Notified when a slow login or a slow unit migration has arrived.
    pub(crate) slow_rpc_arrived: Notify,
    /// Notified when a slow login or a slow unit migration may continue.
    pub(crate) slow_rpc_may_continue: Notify,
}

impl Stub {
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().clone()
    }

    pub(crate) async fn slow_rpc_arrived(&self) {
        self.0.slow_rpc_arrived.notified().await;
    }

    pub(crate) fn continue_slow_rpc(&self) {
        self.0.slow_rpc_may_continue.notify_one();
    }

    fn note(&self, call: impl Into<String>) {
        self.0.calls.lock().unwrap().push(call.into());
    }

    fn set_live(&self, token: Option<&'static str>) {
        *self.0.live.lock().unwrap() = token;
    }

    fn check(&self, token: &str) -> Result<authentication::Session, Status> {
        if *self.0.live.lock().unwrap() == Some(token) {
            Ok(session())
        } else {
            Err(refused(ErrorReason::SessionEnded))
        }
    }
}

fn session() -> authentication::Session {
    let mut session = authentication::Session::default();
    NUMBER.clone_into(&mut session.account_number);
    "1-1".clone_into(&mut session.revision);
    session
}

fn refused(reason: ErrorReason) -> Status {
    Refusal::new(reason).into()
}

#[tonic::async_trait]
impl AuthenticationService for Stub {
    async fn login(
        &self,
        request: Request<authentication::LoginRequest>,
    ) -> Result<Response<authentication::LoginResponse>, Status> {
        let request = request.into_inner();
        self.note(format!("login {}", request.number));
        *self.0.device.lock().unwrap() = request.device_class();
        if request.password == SLOW_PASSWORD {
            self.0.slow_rpc_arrived.notify_one();
            self.0.slow_rpc_may_continue.notified().await;
        } else if request.password == BUSY_PASSWORD {
            let overloaded = Refusal::new(ErrorReason::Overloaded);
            return Err(overloaded.retry_after(Duration::from_secs(1)).into());
        } else if request.password != PASSWORD {
            return Err(refused(ErrorReason::LoginRefused));
        }
        self.set_live(Some(TOKEN));
        Ok(Response::new(authentication::LoginResponse {
            session_token: TOKEN.to_owned(),
            session: Some(session()),
        }))
    }

    async fn logout(
        &self,
        request: Request<authentication::LogoutRequest>,
    ) -> Result<Response<authentication::LogoutResponse>, Status> {
        self.note(format!("logout {}", request.into_inner().session_token));
        self.set_live(None);
        Ok(Response::new(authentication::LogoutResponse {}))
    }

    async fn check_session(
        &self,
        request: Request<authentication::CheckSessionRequest>,
    ) -> Result<Response<authentication::CheckSessionResponse>, Status> {
        let request = request.into_inner();
        self.note(format!("check_session peek={}", request.peek));
        Ok(Response::new(authentication::CheckSessionResponse {
            session: Some(self.check(&request.session_token)?),
            epoch: 1,
        }))
    }

    async fn check_access(
        &self,
        request: Request<authentication::CheckAccessRequest>,
    ) -> Result<Response<authentication::CheckAccessResponse>, Status> {
        let caller = request.extensions().get::<Caller>().unwrap();
        self.note(format!(
            "check_access by {} for {}",
            caller.peer.path(),
            caller.actor()
        ));
        self.check(&request.get_ref().session_token)?;
        Ok(Response::new(authentication::CheckAccessResponse {
            account_number: NUMBER.to_owned(),
        }))
    }

    async fn verify_password(
        &self,
        _request: Request<authentication::VerifyPasswordRequest>,
    ) -> Result<Response<authentication::VerifyPasswordResponse>, Status> {
        Err(refused(ErrorReason::Internal))
    }

    async fn check_reuse(
        &self,
        _request: Request<authentication::CheckReuseRequest>,
    ) -> Result<Response<authentication::CheckReuseResponse>, Status> {
        Err(refused(ErrorReason::Internal))
    }

    async fn rotate_session(
        &self,
        _request: Request<authentication::RotateSessionRequest>,
    ) -> Result<Response<authentication::RotateSessionResponse>, Status> {
        Err(refused(ErrorReason::Internal))
    }

    async fn end_sessions(
        &self,
        _request: Request<authentication::EndSessionsRequest>,
    ) -> Result<Response<authentication::EndSessionsResponse>, Status> {
        self.note("end_sessions");
        Ok(Response::new(authentication::EndSessionsResponse {}))
    }

    async fn list_sessions(
        &self,
        _request: Request<authentication::ListSessionsRequest>,
    ) -> Result<Response<authentication::ListSessionsResponse>, Status> {
        Err(refused(ErrorReason::LineNotFound))
    }

    async fn list_own_sessions(
        &self,
        request: Request<authentication::ListOwnSessionsRequest>,
    ) -> Result<Response<authentication::ListOwnSessionsResponse>, Status> {
        self.check(&request.get_ref().session_token)?;
        let mut session = authentication::OwnSession {
            current: true,
            ..Default::default()
        };
        session.set_device_class(*self.0.device.lock().unwrap());
        Ok(Response::new(authentication::ListOwnSessionsResponse {
            sessions: vec![session],
            more: true,
        }))
    }

    async fn end_own_session(
        &self,
        request: Request<authentication::EndOwnSessionRequest>,
    ) -> Result<Response<authentication::EndOwnSessionResponse>, Status> {
        let request = request.into_inner();
        self.note(format!("end_own_session {}", request.session_id));
        self.check(&request.session_token)?;
        Ok(Response::new(authentication::EndOwnSessionResponse {}))
    }

    async fn end_other_sessions(
        &self,
        request: Request<authentication::EndOtherSessionsRequest>,
    ) -> Result<Response<authentication::EndOtherSessionsResponse>, Status> {
        self.note("end_other_sessions");
        self.check(&request.get_ref().session_token)?;
        Ok(Response::new(authentication::EndOtherSessionsResponse {}))
    }
}

#[tonic::async_trait]
impl ActivityService for Stub {
    async fn list_own_events(
        &self,
        request: Request<units::ListOwnEventsRequest>,
    ) -> Result<Response<units::ListOwnEventsResponse>, Status> {
        self.check(&request.get_ref().session_token)?;
        let mut event = units::OwnEvent::default();
        NUMBER.clone_into(&mut event.account_number);
        event.count = 3;
        Ok(Response::new(units::ListOwnEventsResponse {
            events: vec![event],
        }))
    }
}

#[tonic::async_trait]
impl PasswordService for Stub {
    async fn change_password(
        &self,
        request: Request<password::ChangePasswordRequest>,
    ) -> Result<Response<password::ChangePasswordResponse>, Status> {
        let request = request.into_inner();
        self.note("change_password");
        self.check(&request.session_token)?;
        if request.current_password != PASSWORD {
            return Err(refused(ErrorReason::PasswordWrong));
        }
        // With this new password the session does not continue, so the subscriber must log in again.
        let continues = request.new_password != "noToken1";
        self.set_live(continues.then_some(NEW_TOKEN));
        Ok(Response::new(password::ChangePasswordResponse {
            session_token: if continues {
                NEW_TOKEN.to_owned()
            } else {
                String::new()
            },
            session: continues.then(session),
        }))
    }

    async fn get_policy(
        &self,
        _request: Request<password::GetPolicyRequest>,
    ) -> Result<Response<password::GetPolicyResponse>, Status> {
        Ok(Response::new(password::GetPolicyResponse {
            min_length: 8,
            max_length: 12,
            refuses_digits_only: true,
            lifetime: None,
            refuses_common: true,
            temporary_attempts: 3,
            permanent_attempts: 10,
            temporary_lifetime: None,
        }))
    }
}

#[tonic::async_trait]
impl MigrationService for Stub {
    async fn preview_migration(
        &self,
        request: Request<units::PreviewMigrationRequest>,
    ) -> Result<Response<units::PreviewMigrationResponse>, Status> {
        let request = request.into_inner();
        self.note(format!("preview_migration {}", request.unit));
        self.check(&request.session_token)?;
        let mut preview = units::PreviewMigrationResponse::default();
        "1-1".clone_into(&mut preview.revision);
        preview.required_numbers = vec![NUMBER.to_owned()];
        Ok(Response::new(preview))
    }

    async fn migrate(
        &self,
        request: Request<units::MigrateRequest>,
    ) -> Result<Response<units::MigrateResponse>, Status> {
        let request = request.into_inner();
        self.note(format!("migrate {} {}", request.unit, request.revision));
        if request.revision == SLOW_REVISION {
            self.0.slow_rpc_arrived.notify_one();
            self.0.slow_rpc_may_continue.notified().await;
        }
        self.check(&request.session_token)?;
        let entries = request.passwords.iter();
        let wrong = entries.filter(|entry| entry.password != PASSWORD).count();
        if wrong > 0 {
            return Err(Refusal::new(ErrorReason::PasswordWrong)
                .with("wrong", wrong.to_string())
                .field("passwords[0]", "wrong")
                .into());
        }
        self.set_live(None);
        let mut login = units::Login::default();
        NUMBER.clone_into(&mut login.number);
        Ok(Response::new(units::MigrateResponse {
            logins: vec![login],
        }))
    }
}
