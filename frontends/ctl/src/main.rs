//! `aikagictl`: the command line for operators.

use std::process::ExitCode;

use aikagi_ctl::cli::Arguments;
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(aikagi_ctl::run(Arguments::parse()).await)
}
