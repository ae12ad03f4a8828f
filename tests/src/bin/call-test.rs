//! Makes real calls through an Asterisk in a container; `cargo xtask call-test` prepares what this needs.
#![allow(clippy::print_stdout, reason = "a command line says what it does")]

use std::path::PathBuf;
use std::process::ExitCode;

use aikagi_tests::calls::{Surroundings, make};
use anyhow::Result;
use clap::Parser;

/// Makes real calls through an Asterisk in a container.
#[derive(Debug, Parser)]
#[command(name = "call-test")]
struct Arguments {
    /// The image of Asterisk.
    #[arg(long)]
    image: String,
    /// Where the executables of this build are.
    #[arg(long)]
    binaries: PathBuf,
    /// An empty directory for everything that is kept.
    #[arg(long)]
    home: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let arguments = Arguments::parse();
    let around = Surroundings {
        image: arguments.image,
        binaries: arguments.binaries,
        home: arguments.home,
    };
    make(&around, |line| println!("  {line}")).await
}
