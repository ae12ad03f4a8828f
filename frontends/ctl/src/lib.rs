//! `aikagictl`, the command line for operators (OPS-1, OPS-2). It manages lines, numbers and sessions, explains logins,
//! reads and verifies the audit trail, imports lines in bulk and diagnoses the connection.
//!
//! It sends requests to the gateway's private port, with an operator's certificate. The proto files list the RPCs that
//! an operator has permission to use (INV-7).

pub mod cli;
pub mod commands;
mod connection;
mod error;
mod output;
mod settings;
mod views;

use cli::{Arguments, Command};
use connection::Connection;
use error::CommandError;
use output::Output;
use settings::Settings;

/// Runs the command, prints its result or its error, and returns the exit code.
pub async fn run(arguments: Arguments) -> u8 {
    let mut output = Output::new(arguments.connection.output.unwrap_or_default());
    let done = dispatch(arguments, &mut output).await;
    match done.and_then(|()| output.flush()) {
        Ok(()) => 0,
        Err(error) => {
            output.show_error(&error);
            error.kind.code()
        }
    }
}

async fn dispatch(arguments: Arguments, output: &mut Output) -> Result<(), CommandError> {
    let command = match arguments.command {
        Command::Completions { shell } => return commands::generate::completions(shell, output),
        Command::Man { directory } => return commands::generate::man(&directory, output),
        command => command,
    };
    let settings = Settings::resolve(arguments.connection)?;
    if let Command::Doctor = command {
        return commands::doctor::run(&settings, output).await;
    }
    let connection = Connection::open(&settings)?;
    match command {
        Command::Line(line) => commands::line::run(line, &connection, output).await,
        Command::Number(number) => commands::number::run(number, &connection, output).await,
        Command::Explain { number } => commands::explain::run(&number, &connection, output).await,
        Command::Sessions(sessions) => commands::sessions::run(sessions, &connection, output).await,
        Command::Audit(audit) => commands::audit::run(audit, &connection, output).await,
        Command::Import(import) => commands::import::run(import, &connection, output).await,
        Command::Healthcheck => commands::healthcheck::run(&connection, output).await,
        Command::Doctor | Command::Completions { .. } | Command::Man { .. } => Ok(()),
    }
}
