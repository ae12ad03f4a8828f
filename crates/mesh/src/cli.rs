//! The command line of every service.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Runs one service of Aikagi.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = false)]
pub struct Cli {
    /// The settings file (TOML). Environment variables override it: `AIKAGI__SERVER__LISTEN` sets `server.listen`.
    #[arg(long, env = "AIKAGI_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    /// The command. The default is `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A command of a service's program.
#[derive(Debug, Clone, Subcommand, Copy)]
pub enum Command {
    /// Serve until SIGTERM or SIGINT.
    Serve,
    /// Check that the service with these settings runs and is ready. Exit with 0 if it is.
    Healthcheck,
    /// Check the settings and the files that they name, then exit.
    CheckConfig,
}
