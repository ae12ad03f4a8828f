//! An operator's changes of lines, and what it asks of them.

use aikagi_api::authentication::v1::{ListSessionsRequest, OpenSession};
use aikagi_api::units::v1::{
    AddNumberRequest, CloseLineRequest, ExplainLoginRequest, ExplainLoginResponse, Line, NewNumber,
    RemoveNumberRequest, ResetUnitRequest, SubscribeNumberRequest, UnsubscribeNumberRequest,
};
use tonic::Status;

use super::Operator;

/// Sends a request about one number, and takes the line out of the answer.
macro_rules! change {
    ($operator:expr, $method:ident, $request:ident, $number:expr) => {{
        let number = $number.to_owned();
        let mut directory = $operator.directory.clone();
        let answer = directory.$method($request { number }).await?;
        Ok(answer.into_inner().line.expect("an answer has a line"))
    }};
}

impl Operator {
    /// Closes the line of a number.
    pub async fn close_line(&self, number: &str) -> Result<Line, Status> {
        change!(self, close_line, CloseLineRequest, number)
    }

    /// Takes the line of a number back to having no unit.
    pub async fn reset_unit(&self, number: &str) -> Result<Line, Status> {
        change!(self, reset_unit, ResetUnitRequest, number)
    }

    /// Takes a number off its line.
    pub async fn remove_number(&self, number: &str) -> Result<Line, Status> {
        change!(self, remove_number, RemoveNumberRequest, number)
    }

    /// Gives a number the option service.
    pub async fn subscribe(&self, number: &str) -> Result<Line, Status> {
        change!(self, subscribe_number, SubscribeNumberRequest, number)
    }

    /// Takes the option service from a number.
    pub async fn unsubscribe(&self, number: &str) -> Result<Line, Status> {
        change!(self, unsubscribe_number, UnsubscribeNumberRequest, number)
    }

    /// Adds a number to the line of another.
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
        Ok(answer.into_inner().line.expect("an answer has a line"))
    }

    /// Why a number can or cannot log in.
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

    /// The live sessions of an account.
    pub async fn sessions(&self, number: &str) -> Result<Vec<OpenSession>, Status> {
        let request = ListSessionsRequest {
            number: number.to_owned(),
        };
        let answer = self.authentication.clone().list_sessions(request).await?;
        Ok(answer.into_inner().sessions)
    }
}
