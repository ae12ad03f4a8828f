//! Adds the demo's lines to the running system, for people to try. Existing lines are not changed.
#![allow(clippy::print_stdout, reason = "a command prints what it did")]

use std::path::PathBuf;

use aikagi_client::{Operator, RunningSystem};
use aikagi_demo::seed;
use anyhow::Result;
use clap::Parser;

/// Adds the demo's lines to the running system.
#[derive(Debug, Parser)]
#[command(name = "seed")]
struct Arguments {
    /// The file with the addresses and identities of the system; `cargo xtask up` writes it.
    #[arg(long, default_value = "target/up/state.json")]
    state: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let system = RunningSystem::read(&Arguments::parse().state)?;
    let operator = Operator::new(system.private_as("operator")?);
    seed(&operator, |line| println!("{line}")).await
}
