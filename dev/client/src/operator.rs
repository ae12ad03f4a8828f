//! An operator's client. It changes lines, asks about them and ends sessions.

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{EndSessionsRequest, ListSessionsRequest, OpenSession};
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_api::units::v1::{
    AddLineRequest, AddNumberRequest, CloseLineRequest, ExplainLoginRequest, ExplainLoginResponse,
    GetLineRequest, Line, LineNumber, NewNumber, RemoveNumberRequest, ResetUnitRequest,
    SubscribeNumberRequest, UnsubscribeNumberRequest,
};
use tonic::Status;
use tonic::transport::Channel;

/// Sends a request about one number, and returns the line in the response.
macro_rules! change {
    ($operator:expr, $method:ident, $request:ident, $number:expr) => {{
        let number = $number.to_owned();
        let mut directory = $operator.directory.clone();
        let answer = directory.$method($request { number }).await?;
        Ok(answer.into_inner().line.expect("a response has a line"))
    }};
}

/// The client with which an operator calls Aikagi.
#[derive(Debug, Clone)]
pub struct Operator {
    directory: DirectoryServiceClient<Channel>,
    authentication: AuthenticationServiceClient<Channel>,
}

impl Operator {
    /// A client on a channel to a private port.
    pub fn new(channel: Channel) -> Self {
        Self {
            directory: DirectoryServiceClient::new(channel.clone()),
            authentication: AuthenticationServiceClient::new(channel),
        }
    }

    /// Adds a line. The contract number comes first. The flag beside a number is true if the number
    /// is subscribed.
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
        Ok(answer.line.expect("a response has a line"))
    }

    /// The line of a number.
    pub async fn line(&self, number: &str) -> Result<Line, Status> {
        let request = GetLineRequest {
            number: number.to_owned(),
        };
        let answer = self.directory.clone().get_line(request).await?.into_inner();
        Ok(answer.line.expect("a response has a line"))
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

    /// Ends all sessions of an account.
    pub async fn end_sessions(&self, number: &str) -> Result<(), Status> {
        let request = EndSessionsRequest {
            number: number.to_owned(),
        };
        self.authentication.clone().end_sessions(request).await?;
        Ok(())
    }

    /// Closes the line of a number.
    pub async fn close_line(&self, number: &str) -> Result<Line, Status> {
        change!(self, close_line, CloseLineRequest, number)
    }

    /// Resets the auth unit of a number's line.
    pub async fn reset_unit(&self, number: &str) -> Result<Line, Status> {
        change!(self, reset_unit, ResetUnitRequest, number)
    }

    /// Removes a number from its line.
    pub async fn remove_number(&self, number: &str) -> Result<Line, Status> {
        change!(self, remove_number, RemoveNumberRequest, number)
    }

    /// Subscribes a number to the option service.
    pub async fn subscribe(&self, number: &str) -> Result<Line, Status> {
        change!(self, subscribe_number, SubscribeNumberRequest, number)
    }

    /// Unsubscribes a number from the option service.
    pub async fn unsubscribe(&self, number: &str) -> Result<Line, Status> {
        change!(self, unsubscribe_number, UnsubscribeNumberRequest, number)
    }

    /// Adds a number to the line of another number.
    pub async fn add_number(
        &self,
        line_number: &str,
        number: &str,
        subscribed: bool,
    ) -> Result<Line, Status> {
        let request = AddNumberRequest {
            line_number: line_number.to_owned(),
            number: Some(NewNumber {
                number: number.to_owned(),
                subscribed,
            }),
        };
        let answer = self.directory.clone().add_number(request).await?;
        Ok(answer.into_inner().line.expect("a response has a line"))
    }

    /// Asks why a number can or cannot log in.
    pub async fn explain(&self, number: &str) -> Result<ExplainLoginResponse, Status> {
        let request = ExplainLoginRequest {
            number: number.to_owned(),
        };
        Ok(self
            .directory
            .clone()
            .explain_login(request)
            .await?
            .into_inner())
    }

    /// The open sessions of an account.
    pub async fn sessions(&self, number: &str) -> Result<Vec<OpenSession>, Status> {
        let request = ListSessionsRequest {
            number: number.to_owned(),
        };
        let answer = self.authentication.clone().list_sessions(request).await?;
        Ok(answer.into_inner().sessions)
    }
}
