//! A subscriber's client that is not a browser. It sends a bearer token.

use std::time::Duration;

use aikagi_api::authentication::v1::{OwnSession, Session};
use aikagi_api::edge::v1::subscriber_service_client::SubscriberServiceClient;
use aikagi_api::edge::v1::{
    ChangePasswordRequest, EndOtherSessionsRequest, EndOwnSessionRequest, GetSessionRequest,
    ListOwnEventsRequest, ListOwnSessionsRequest, LoginRequest, LogoutRequest, MigrateRequest,
    PreviewMigrationRequest, PreviewMigrationResponse,
};
use aikagi_api::units::v1::{AccountPassword, AuthUnit, Login, OwnEvent};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// The deadline of a unit migration, which hashes a password for each account (MIG-8).
const MIGRATION_DEADLINE: Duration = Duration::from_mins(1);

/// A subscriber's client without a session.
#[derive(Debug, Clone)]
pub struct Site {
    client: SubscriberServiceClient<Channel>,
}

/// A subscriber's client with a session.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    client: SubscriberServiceClient<Channel>,
    /// The bearer token.
    pub token: String,
    /// The session as the client saw it last.
    pub session: Session,
}

impl Site {
    /// A client on a channel to a public port.
    pub fn new(channel: Channel) -> Self {
        Self {
            client: SubscriberServiceClient::new(channel),
        }
    }

    /// The generated client.
    pub fn client(&self) -> SubscriberServiceClient<Channel> {
        self.client.clone()
    }

    /// Logs in with a number and a password.
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

    /// A client with an existing session.
    pub fn with_token(&self, token: &str, session: Session) -> LoggedIn {
        LoggedIn {
            client: self.client.clone(),
            token: token.to_owned(),
            session,
        }
    }
}

impl LoggedIn {
    /// Reads the session. This counts as use of the session.
    pub async fn session(&self) -> Result<Session, Status> {
        self.get(false).await
    }

    /// Reads the session. This does not count as use of the session.
    pub async fn peek(&self) -> Result<Session, Status> {
        self.get(true).await
    }

    async fn get(&self, peek: bool) -> Result<Session, Status> {
        let request = bearing(&self.token, GetSessionRequest { peek });
        let answer = self.client.clone().get_session(request).await?.into_inner();
        Ok(answer.session.expect("a response has a session"))
    }

    /// Changes the password, with the revision that the client saw last. Also sends the new
    /// password as the confirmation. Returns a client with the new session, or none if the session
    /// does not continue.
    pub async fn change(&self, current: &str, new: &str) -> Result<Option<Self>, Status> {
        self.change_with(current, new, new, &self.session.revision.clone())
            .await
    }

    /// Changes the password. The caller gives every field of the request.
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

impl LoggedIn {
    /// Previews a unit migration: the passwords that it requires, and the accounts afterwards.
    pub async fn preview(&self, unit: AuthUnit) -> Result<PreviewMigrationResponse, Status> {
        let request = PreviewMigrationRequest { unit: unit.into() };
        let request = bearing(&self.token, request);
        Ok(self
            .client
            .clone()
            .preview_migration(request)
            .await?
            .into_inner())
    }

    /// Previews a unit migration and makes it with these passwords, each with its number. Returns
    /// the accounts afterwards.
    pub async fn migrate(
        &self,
        unit: AuthUnit,
        passwords: &[(&str, &str)],
    ) -> Result<Vec<Login>, Status> {
        let preview = self.preview(unit).await?;
        self.migrate_with(unit, passwords, &preview.revision).await
    }

    /// Makes a unit migration. The caller gives every field of the request.
    pub async fn migrate_with(
        &self,
        unit: AuthUnit,
        passwords: &[(&str, &str)],
        revision: &str,
    ) -> Result<Vec<Login>, Status> {
        let password = |(number, password): &(&str, &str)| AccountPassword {
            number: (*number).to_owned(),
            password: (*password).to_owned(),
        };
        let request = MigrateRequest {
            unit: unit.into(),
            revision: revision.to_owned(),
            passwords: passwords.iter().map(password).collect(),
        };
        let mut request = bearing(&self.token, request);
        request.set_timeout(MIGRATION_DEADLINE);
        let mut answer = self.client.clone().migrate(request).await?.into_inner();
        Ok(std::mem::take(&mut answer.logins))
    }
}

impl LoggedIn {
    /// Lists the live sessions of the account, newest first (SESS-7).
    pub async fn own_sessions(&self) -> Result<Vec<OwnSession>, Status> {
        let request = bearing(&self.token, ListOwnSessionsRequest {});
        let answer = self.client.clone().list_own_sessions(request).await?;
        Ok(answer.into_inner().sessions)
    }

    /// Ends another session of the account, by its id (SESS-7).
    pub async fn end_own_session(&self, session_id: &str) -> Result<(), Status> {
        let session_id = session_id.to_owned();
        let request = bearing(&self.token, EndOwnSessionRequest { session_id });
        self.client.clone().end_own_session(request).await?;
        Ok(())
    }

    /// Ends all other sessions of the account (SESS-7).
    pub async fn end_other_sessions(&self) -> Result<(), Status> {
        let request = bearing(&self.token, EndOtherSessionsRequest {});
        self.client.clone().end_other_sessions(request).await?;
        Ok(())
    }

    /// Lists the last events of the account, newest first (SESS-8).
    pub async fn own_events(&self) -> Result<Vec<OwnEvent>, Status> {
        let request = bearing(&self.token, ListOwnEventsRequest {});
        let answer = self.client.clone().list_own_events(request).await?;
        Ok(answer.into_inner().events)
    }
}

/// A request that carries a bearer token.
pub fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {token}")).expect("a token is ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}
