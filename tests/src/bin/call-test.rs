//! Makes real calls through an Asterisk in a container; `cargo xtask call-test` and `cargo xtask compose-test` prepare
//! what this needs.
#![allow(clippy::print_stdout, reason = "a command line says what it does")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use aikagi_tests::calls::{Surroundings, make, through};
use aikagi_tests::story::Where;
use anyhow::Result;
use clap::{Parser, Subcommand};

/// Makes real calls through an Asterisk in a container.
#[derive(Debug, Parser)]
#[command(name = "call-test")]
struct Arguments {
    /// An empty directory for everything that is kept.
    #[arg(long)]
    home: PathBuf,
    #[command(subcommand)]
    calls: Calls,
}

/// Which calls.
#[derive(Debug, Subcommand)]
enum Calls {
    /// Every call and every fault, with a system and an Asterisk of its own.
    All {
        /// The image of Asterisk.
        #[arg(long)]
        image: String,
        /// Where the executables of this build are.
        #[arg(long)]
        binaries: PathBuf,
    },
    /// A few calls through an Asterisk and a system that run already.
    Through {
        /// Where the system is: the file that `cargo xtask` writes.
        #[arg(long)]
        state: PathBuf,
        /// Where Asterisk takes calls from this machine, whose own address is the same.
        #[arg(long)]
        asterisk: SocketAddr,
    },
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
    let Arguments { home, calls } = Arguments::parse();
    let say = |line: &str| println!("  {line}");
    match calls {
        Calls::All { image, binaries } => {
            let around = Surroundings {
                image,
                binaries,
                home,
            };
            make(&around, say).await
        }
        Calls::Through { state, asterisk } => {
            through(&Where::read(&state)?, asterisk, &home, say).await
        }
    }
}
