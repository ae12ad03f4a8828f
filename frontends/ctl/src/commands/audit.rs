//! `aikagictl audit` (OPS-2, OPS-3).

mod anchor;
mod follow;
mod list;
mod verify;

use crate::cli::Audit as Command;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::Output;

pub(crate) async fn run(
    command: Command,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    match command {
        Command::List(wanted) => list::run(&wanted, connection, output).await,
        Command::Verify { number, anchor } => {
            verify::run(number.as_deref(), anchor.as_deref(), connection, output).await
        }
    }
}
