//! Makes real calls through an Asterisk in a container. `cargo xtask call-test` and `cargo xtask container-test` prepare
//! everything and start this program.
#![allow(clippy::print_stdout, reason = "this program prints its progress")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use aikagi_calls::{CallsEnvironment, make, through};
use aikagi_client::RunningSystem;
use anyhow::Result;
use clap::{Parser, Subcommand};

/// Makes real calls through an Asterisk in a container.
#[derive(Debug, Parser)]
#[command(name = "call-test")]
struct Arguments {
    /// An empty directory for logs, audio and settings.
    #[arg(long)]
    home: PathBuf,
    #[command(subcommand)]
    calls: Calls,
}

/// Which calls to make.
#[derive(Debug, Subcommand)]
enum Calls {
    /// All calls and all faults, with a new system and a new Asterisk.
    All {
        /// The name of the Asterisk image.
        #[arg(long)]
        image: String,
        /// The directory of this build's executables.
        #[arg(long)]
        binaries: PathBuf,
    },
    /// A few calls through a running Asterisk and a running system.
    Through {
        /// The file with the addresses of the running system (`state.json`).
        #[arg(long)]
        state: PathBuf,
        /// The address at which Asterisk accepts calls. The calls also come from this IP address, so it must be one of
        /// this machine's.
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
            let environment = CallsEnvironment {
                image,
                binaries,
                home,
            };
            make(&environment, say).await
        }
        Calls::Through { state, asterisk } => {
            through(&RunningSystem::read(&state)?, asterisk, &home, say).await
        }
    }
}
