//! Those outside, as they would call: TLS with the published certificates, and the generated clients.

mod directory;
mod migration;

use std::path::{Path, PathBuf};

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{CheckAccessRequest, EndSessionsRequest, Session};
use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use aikagi_api::edge::v1::{ChangePasswordRequest, GetSessionRequest, LoginRequest, LogoutRequest};
use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::take_turn_response::Next;
use aikagi_api::issuance::v1::{
    CallOutcome, CallStarted, CallStep, HungUp, SetTemporaryPasswordRequest,
    SetTemporaryPasswordResponse, Silence, TakeTurnRequest, TakeTurnResponse,
};
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_api::units::v1::{
    AddLineRequest, AuthUnit, GetLineRequest, Line, LineNumber, NewNumber,
};
use anyhow::{Context, Result};
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

/// A certificate and its key, PEM files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Connects to a gateway's port at `https://host:port`, with an identity on the private one.
pub fn connect(url: &str, authority: &Path, identity: Option<&Files>) -> Result<Channel> {
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(authority)?))
        .domain_name("localhost");
    if let Some(files) = identity {
        tls = tls.identity(Identity::from_pem(
            read(&files.certificate)?,
            read(&files.key)?,
        ));
    }
    Ok(Endpoint::from_shared(url.to_owned())?
        .tls_config(tls)?
        .connect_lazy())
}

/// An IVR platform.
#[derive(Debug, Clone)]
pub struct Ivr {
    client: CallServiceClient<Channel>,
}

impl Ivr {
    /// A platform on this channel.
    pub fn new(channel: Channel) -> Self {
        Self {
            client: CallServiceClient::new(channel),
        }
    }

    /// A call comes in from a number (empty: withheld), and its first turn is answered.
    pub async fn dial(&self, caller: &str) -> Result<(Call, TakeTurnResponse), Status> {
        let mut call = Call {
            client: self.client.clone(),
            call_id: call_id(),
            sequence: 0,
        };
        let started = Event::Started(CallStarted {
            caller_number: caller.to_owned(),
        });
        let answer = call.turn(started).await?;
        Ok((call, answer))
    }

    /// Sends a turn as it is.
    pub async fn take_turn(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, Status> {
        Ok(self.client.clone().take_turn(turn).await?.into_inner())
    }

    /// Sets a temporary password in one call (IVR-13).
    pub async fn set(
        &self,
        caller: &str,
        unit: AuthUnit,
        target: &str,
        password: &str,
    ) -> Result<SetTemporaryPasswordResponse, Status> {
        let request = SetTemporaryPasswordRequest {
            caller_number: caller.to_owned(),
            unit: unit.into(),
            target_number: target.to_owned(),
            temporary_password: password.to_owned(),
        };
        Ok(self
            .client
            .clone()
            .set_temporary_password(request)
            .await?
            .into_inner())
    }

    /// A caller who makes no mistake: every question is answered, in the order of the dialog.
    pub async fn set_by_telephone(
        &self,
        caller: &str,
        unit_key: &str,
        target: &str,
        password: &str,
    ) -> Result<CallOutcome, Status> {
        let (mut call, mut answer) = self.dial(caller).await?;
        loop {
            let keys = match asked(&answer) {
                Asked::Ended(outcome) => return Ok(outcome),
                Asked::Step(CallStep::Unit) => unit_key.to_owned(),
                Asked::Step(CallStep::Target) => format!("{target}#"),
                Asked::Step(_) => password.to_owned(),
            };
            answer = call.keys(&keys).await?;
        }
    }
}

/// A name for a call that no other has.
pub fn call_id() -> String {
    format!("call-{:032x}", rand::random::<u128>())
}

/// What an answer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Keys for this step.
    Step(CallStep),
    /// Nothing: the call is over.
    Ended(CallOutcome),
}

/// What an answer asks for.
pub fn asked(answer: &TakeTurnResponse) -> Asked {
    match answer
        .next
        .as_ref()
        .expect("every answer says what comes next")
    {
        Next::Collect(collect) => Asked::Step(collect.step()),
        Next::Ended(ended) => Asked::Ended(ended.outcome()),
    }
}

/// The ids of an answer's guidance, in order.
pub fn guidance(answer: &TakeTurnResponse) -> Vec<&str> {
    answer
        .guidance
        .iter()
        .map(|guidance| guidance.guidance_id.as_str())
        .collect()
}

/// A call in progress.
#[derive(Debug, Clone)]
pub struct Call {
    client: CallServiceClient<Channel>,
    /// The platform's name for it.
    pub call_id: String,
    /// The number of the next turn.
    pub sequence: u32,
}

impl Call {
    /// The caller presses keys.
    pub async fn keys(&mut self, keys: &str) -> Result<TakeTurnResponse, Status> {
        self.turn(Event::Keys(keys.to_owned())).await
    }

    /// The caller says nothing.
    pub async fn silence(&mut self) -> Result<TakeTurnResponse, Status> {
        self.turn(Event::Silence(Silence {})).await
    }

    /// The caller hangs up.
    pub async fn hang_up(&mut self) -> Result<TakeTurnResponse, Status> {
        self.turn(Event::HungUp(HungUp {})).await
    }

    /// Takes a turn with the next sequence number.
    pub async fn turn(&mut self, event: Event) -> Result<TakeTurnResponse, Status> {
        let request = TakeTurnRequest {
            call_id: self.call_id.clone(),
            sequence: self.sequence,
            event: Some(event),
        };
        let answer = self.client.take_turn(request).await?.into_inner();
        self.sequence += 1;
        Ok(answer)
    }
}

/// A subscriber's client: any but a browser, with a bearer token.
#[derive(Debug, Clone)]
pub struct Site {
    client: SubscriberServiceClient<Channel>,
}

/// A subscriber who has logged in.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    client: SubscriberServiceClient<Channel>,
    /// The bearer token.
    pub token: String,
    /// The session as last seen.
    pub session: Session,
}

impl Site {
    /// A client on this channel.
    pub fn new(channel: Channel) -> Self {
        Self {
            client: SubscriberServiceClient::new(channel),
        }
    }

    /// The generated client.
    pub fn client(&self) -> SubscriberServiceClient<Channel> {
        self.client.clone()
    }

    /// Logs in.
    pub async fn login(&self, number: &str, password: &str) -> Result<LoggedIn, Status> {
        let request = LoginRequest {
            number: number.to_owned(),
            password: password.to_owned(),
        };
        let mut answer = self.client.clone().login(request).await?.into_inner();
        let token = std::mem::take(&mut answer.session_token);
        Ok(self.with_token(
            &token,
            answer.session.take().expect("a login has a session"),
        ))
    }

    /// A subscriber with this token.
    pub fn with_token(&self, token: &str, session: Session) -> LoggedIn {
        LoggedIn {
            client: self.client.clone(),
            token: token.to_owned(),
            session,
        }
    }
}

impl LoggedIn {
    /// The session, which this uses.
    pub async fn session(&self) -> Result<Session, Status> {
        self.get(false).await
    }

    /// The session, only looked at.
    pub async fn peek(&self) -> Result<Session, Status> {
        self.get(true).await
    }

    async fn get(&self, peek: bool) -> Result<Session, Status> {
        let request = bearing(&self.token, GetSessionRequest { peek });
        let answer = self.client.clone().get_session(request).await?.into_inner();
        Ok(answer.session.expect("an answer has a session"))
    }

    /// Changes the password, typed twice alike, on the view last seen. None: the session could not go on.
    pub async fn change(&self, current: &str, new: &str) -> Result<Option<Self>, Status> {
        self.change_with(current, new, new, &self.session.revision.clone())
            .await
    }

    /// Changes the password with everything said.
    pub async fn change_with(
        &self,
        current: &str,
        new: &str,
        again: &str,
        revision: &str,
    ) -> Result<Option<Self>, Status> {
        let request = ChangePasswordRequest {
            current_password: current.to_owned(),
            new_password: new.to_owned(),
            new_password_confirmation: again.to_owned(),
            revision: revision.to_owned(),
        };
        let mut answer = self
            .client
            .clone()
            .change_password(bearing(&self.token, request))
            .await?
            .into_inner();
        let token = std::mem::take(&mut answer.session_token);
        Ok(answer.session.take().map(|session| Self {
            client: self.client.clone(),
            token,
            session,
        }))
    }

    /// Logs out.
    pub async fn logout(&self) -> Result<(), Status> {
        self.client
            .clone()
            .logout(bearing(&self.token, LogoutRequest {}))
            .await?;
        Ok(())
    }
}

/// A request with a bearer token.
pub fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {token}")).expect("a token is ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

/// An operator.
#[derive(Debug, Clone)]
pub struct Operator {
    directory: DirectoryServiceClient<Channel>,
    authentication: AuthenticationServiceClient<Channel>,
}

impl Operator {
    /// An operator on this channel.
    pub fn new(channel: Channel) -> Self {
        Self {
            directory: DirectoryServiceClient::new(channel.clone()),
            authentication: AuthenticationServiceClient::new(channel),
        }
    }

    /// Adds a line: the contract number first, each with whether it is subscribed.
    pub async fn add_line(&self, numbers: &[(&str, bool)]) -> Result<Line, Status> {
        let mut numbers = numbers.iter().map(|(number, subscribed)| NewNumber {
            number: (*number).to_owned(),
            subscribed: *subscribed,
        });
        let request = AddLineRequest {
            contract_number: numbers.next(),
            additional_numbers: numbers.collect(),
        };
        let answer = self.directory.clone().add_line(request).await?.into_inner();
        Ok(answer.line.expect("an answer has a line"))
    }

    /// The line of a number.
    pub async fn line(&self, number: &str) -> Result<Line, Status> {
        let request = GetLineRequest {
            number: number.to_owned(),
        };
        let answer = self.directory.clone().get_line(request).await?.into_inner();
        Ok(answer.line.expect("an answer has a line"))
    }

    /// The state of one number.
    pub async fn number(&self, number: &str) -> Result<LineNumber, Status> {
        let line = self.line(number).await?;
        Ok(line
            .numbers
            .into_iter()
            .find(|found| found.number == number)
            .expect("the number is on its line"))
    }

    /// Ends an account's sessions.
    pub async fn end_sessions(&self, number: &str) -> Result<(), Status> {
        let request = EndSessionsRequest {
            number: number.to_owned(),
        };
        self.authentication.clone().end_sessions(request).await?;
        Ok(())
    }
}

/// A settings back end.
#[derive(Debug, Clone)]
pub struct Backend {
    client: AuthenticationServiceClient<Channel>,
}

impl Backend {
    /// A back end on this channel.
    pub fn new(channel: Channel) -> Self {
        Self {
            client: AuthenticationServiceClient::new(channel),
        }
    }

    /// Asks whether a session may change a number (SESS-4).
    pub async fn check_access(&self, token: &str, number: &str) -> Result<String, Status> {
        let request = CheckAccessRequest {
            session_token: token.to_owned(),
            number: number.to_owned(),
        };
        let response = self.client.clone().check_access(request).await?;
        Ok(std::mem::take(&mut response.into_inner().account_number))
    }
}
