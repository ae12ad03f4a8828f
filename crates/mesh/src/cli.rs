//! The command line that every service has.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// A service of Aikagi.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = false)]
pub struct Cli {
    /// The settings file (TOML). The environment overrides it: `AIKAGI__SERVER__LISTEN` is `server.listen`.
    #[arg(long, env = "AIKAGI_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    /// What to do; serves when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What a service's binary can do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM.
    Serve,
    /// Ask the service that these settings describe whether it is ready; exit 0 if so.
    Healthcheck,
    /// Read the settings and the files that they name, then exit.
    CheckConfig,
}
