//! `aikagictl number` (OPS-1).

use aikagi_api::units::v1::{
    AddNumberRequest, NewNumber, RemoveNumberRequest, SubscribeNumberRequest,
    UnsubscribeNumberRequest,
};

use super::required;
use crate::cli::Number as Command;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::{Output, confirm};
use crate::views::Line;

pub(crate) async fn run(
    command: Command,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let mut directory = connection.directory();
    let line = match command {
        Command::Add {
            line,
            number,
            subscribed,
        } => {
            let request = AddNumberRequest {
                line_number: line,
                number: Some(NewNumber { number, subscribed }),
            };
            connection.call(directory.add_number(request)).await?.line
        }
        Command::Remove { number, yes } => {
            let question = format!(
                "Remove {number} from its line? This voids its password and ends its sessions."
            );
            confirm(&question, yes)?;
            let request = RemoveNumberRequest { number };
            connection
                .call(directory.remove_number(request))
                .await?
                .line
        }
        Command::Subscribe { number } => {
            let request = SubscribeNumberRequest { number };
            connection
                .call(directory.subscribe_number(request))
                .await?
                .line
        }
        Command::Unsubscribe { number, yes } => {
            let question = format!(
                "Unsubscribe {number}? This voids its password if the number stops being an account."
            );
            confirm(&question, yes)?;
            let request = UnsubscribeNumberRequest { number };
            connection
                .call(directory.unsubscribe_number(request))
                .await?
                .line
        }
    };
    output.show(&Line::from(required(line)?))
}
