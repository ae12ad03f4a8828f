//! Adds the demo's lines to the running system, for people to play with; those that are there stay as they are.
#![allow(clippy::print_stdout, reason = "a command line says what it did")]

use std::path::PathBuf;

use aikagi_tests::edge::Operator;
use aikagi_tests::story::{Where, seed};
use anyhow::Result;
use clap::Parser;

/// Adds the demo's lines to the running system.
#[derive(Debug, Parser)]
#[command(name = "seed")]
struct Arguments {
    /// Where the system is: the file that `cargo xtask up` writes.
    #[arg(long, default_value = "target/up/state.json")]
    state: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let system = Where::read(&Arguments::parse().state)?;
    let operator = Operator::new(system.private_as("operator")?);
    seed(&operator, |line| println!("{line}")).await
}
