//! A stub of the system behind the gateway's private port.

mod audit;
mod import;

use std::sync::{Arc, Mutex};

use aikagi_api::authentication::v1 as authentication;
use aikagi_api::authentication::v1::authentication_service_server::{
    AuthenticationService, AuthenticationServiceServer,
};
use aikagi_api::units::v1 as units;
use aikagi_api::units::v1::audit_service_server::AuditServiceServer;
use aikagi_api::units::v1::directory_service_server::{DirectoryService, DirectoryServiceServer};
use aikagi_api::units::v1::import_service_server::ImportServiceServer;
use aikagi_mesh::health::Readiness;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_refusal::{ErrorReason, Refusal};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

pub(crate) use import::Importing;

/// The contract number of the stub's line.
pub(crate) const CONTRACT: &str = "0312340001";
/// A number of that line with a killed password.
pub(crate) const KILLED: &str = "0312340002";
/// A number on no line.
pub(crate) const NOBODY: &str = "0699990000";
/// A number on a closed line.
pub(crate) const CLOSED: &str = "0399990000";

#[derive(Clone, Debug, Default)]
pub(crate) struct Stub {
    requests: Arc<Mutex<Vec<String>>>,
    pub(crate) events: Arc<Mutex<Vec<units::AuditEvent>>>,
    pub(crate) chains: Arc<Mutex<Vec<units::ReadAuditChainsResponse>>>,
    pub(crate) importing: Importing,
}

impl Stub {
    /// Returns all requests so far, in their `Debug` form.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn record(&self, request: impl std::fmt::Debug) {
        self.requests.lock().unwrap().push(format!("{request:?}"));
    }

    pub(super) async fn routes(&self) -> Routes {
        let health = Readiness::always()
            .serve(Vec::new(), &Shutdown::new())
            .await;
        Routes::new(health)
            .add_service(DirectoryServiceServer::new(self.clone()))
            .add_service(AuthenticationServiceServer::new(self.clone()))
            .add_service(AuditServiceServer::new(self.clone()))
            .add_service(ImportServiceServer::new(self.importing.clone()))
    }
}

fn refused(reason: ErrorReason) -> Status {
    Refusal::new(reason).into()
}

fn of_number(number: &str) -> Result<units::Line, Status> {
    match number {
        NOBODY => Err(refused(ErrorReason::LineNotFound)),
        CLOSED => Err(refused(ErrorReason::LineClosed)),
        "x" => Err(Refusal::invalid_field("number", "not a telephone number").into()),
        "broken" => Err(refused(ErrorReason::Internal)),
        _ => Ok(line()),
    }
}

fn line() -> units::Line {
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let number = |number: &str, role: units::AccountRole| units::LineNumber {
        number: number.to_owned(),
        subscribed: true,
        role: role.into(),
        credential_kind: units::CredentialKind::Permanent.into(),
        change_time: time(1_790_000_000),
        ..units::LineNumber::default()
    };
    units::Line {
        contract_number: CONTRACT.to_owned(),
        unit: units::AuthUnit::AdminUser.into(),
        unit_established_time: time(1_790_000_000),
        close_time: None,
        numbers: vec![
            number(CONTRACT, units::AccountRole::Administrator),
            units::LineNumber {
                failures: 10,
                kill_time: time(1_790_000_600),
                ..number(KILLED, units::AccountRole::User)
            },
        ],
    }
}

/// The directory service. The RPCs that return the line of a number are listed under `lines`, each with the field of
/// that number.
macro_rules! directory {
    (
        lines { $($call:ident($request:ident) -> $response:ident by $number:expr;)+ }
        $($other:tt)*
    ) => {
        #[tonic::async_trait]
        impl DirectoryService for Stub {
            $(
                async fn $call(
                    &self,
                    request: Request<units::$request>,
                ) -> Result<Response<units::$response>, Status> {
                    let request = request.into_inner();
                    self.record(&request);
                    let number: fn(&units::$request) -> &str = $number;
                    let line = Some(of_number(number(&request))?);
                    Ok(Response::new(units::$response { line }))
                }
            )+
            $($other)*
        }
    };
}

directory! {
    lines {
        get_line(GetLineRequest) -> GetLineResponse by |request| &request.number;
        close_line(CloseLineRequest) -> CloseLineResponse by |request| &request.number;
        add_number(AddNumberRequest) -> AddNumberResponse by |request| &request.line_number;
        remove_number(RemoveNumberRequest) -> RemoveNumberResponse by |request| &request.number;
        subscribe_number(SubscribeNumberRequest) -> SubscribeNumberResponse by |request| &request.number;
        unsubscribe_number(UnsubscribeNumberRequest) -> UnsubscribeNumberResponse by |request| &request.number;
        reset_unit(ResetUnitRequest) -> ResetUnitResponse by |request| &request.number;
    }

    async fn add_line(
        &self,
        request: Request<units::AddLineRequest>,
    ) -> Result<Response<units::AddLineResponse>, Status> {
        let request = request.into_inner();
        self.record(&request);
        let contract = request.contract_number.unwrap_or_default().number;
        if contract == CONTRACT {
            let taken = Refusal::new(ErrorReason::NumberTaken).with("number", "******0001");
            return Err(taken.into());
        }
        let line = Some(of_number(&contract)?);
        Ok(Response::new(units::AddLineResponse { line }))
    }

    async fn explain_login(
        &self,
        request: Request<units::ExplainLoginRequest>,
    ) -> Result<Response<units::ExplainLoginResponse>, Status> {
        let request = request.into_inner();
        self.record(&request);
        let (verdict, remedy, line) = match of_number(&request.number) {
            Ok(line) => (units::LoginVerdict::Killed, units::Remedy::Call, Some(line)),
            Err(_) => (
                units::LoginVerdict::UnknownNumber,
                units::Remedy::Provision,
                None,
            ),
        };
        Ok(Response::new(units::ExplainLoginResponse {
            verdict: verdict.into(),
            remedy: remedy.into(),
            line,
            account_numbers: vec![CONTRACT.to_owned(), KILLED.to_owned()],
            recent_refusals: None,
        }))
    }
}

/// The authentication service. The RPCs that an operator may not call are listed under `not_for_operators`.
macro_rules! authentication {
    (
        not_for_operators { $($call:ident($request:ident) -> $response:ident;)+ }
        $($other:tt)*
    ) => {
        #[tonic::async_trait]
        impl AuthenticationService for Stub {
            $(
                async fn $call(
                    &self,
                    _request: Request<authentication::$request>,
                ) -> Result<Response<authentication::$response>, Status> {
                    Err(refused(ErrorReason::Internal))
                }
            )+
            $($other)*
        }
    };
}

authentication! {
    not_for_operators {
        login(LoginRequest) -> LoginResponse;
        logout(LogoutRequest) -> LogoutResponse;
        check_session(CheckSessionRequest) -> CheckSessionResponse;
        check_access(CheckAccessRequest) -> CheckAccessResponse;
        verify_password(VerifyPasswordRequest) -> VerifyPasswordResponse;
        check_reuse(CheckReuseRequest) -> CheckReuseResponse;
        rotate_session(RotateSessionRequest) -> RotateSessionResponse;
        list_own_sessions(ListOwnSessionsRequest) -> ListOwnSessionsResponse;
        end_own_session(EndOwnSessionRequest) -> EndOwnSessionResponse;
        end_other_sessions(EndOtherSessionsRequest) -> EndOtherSessionsResponse;
    }

    async fn end_sessions(
        &self,
        request: Request<authentication::EndSessionsRequest>,
    ) -> Result<Response<authentication::EndSessionsResponse>, Status> {
        let number = &request.get_ref().number;
        self.record(format!("end_sessions {number}"));
        of_number(number)?;
        Ok(Response::new(authentication::EndSessionsResponse {}))
    }

    async fn list_sessions(
        &self,
        request: Request<authentication::ListSessionsRequest>,
    ) -> Result<Response<authentication::ListSessionsResponse>, Status> {
        let number = &request.get_ref().number;
        if number.starts_with("0000") {
            return Err(refused(ErrorReason::LineNotFound));
        }
        of_number(number)?;
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let session = authentication::OpenSession {
            open_time: time(1_790_000_000),
            idle_expire_time: time(1_790_000_900),
            expire_time: time(1_790_043_200),
            must_change_reason: authentication::MustChangeReason::Temporary.into(),
        };
        let sessions = if number == CONTRACT {
            vec![session]
        } else {
            vec![]
        };
        Ok(Response::new(authentication::ListSessionsResponse {
            sessions,
        }))
    }
}
