//! Measures what we claim, and says whether it holds.
#![allow(clippy::print_stdout, reason = "whoever runs it reads it")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use aikagi_tests::bench::{self, Effort, Surroundings, What};
use aikagi_tests::edge::Files;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Measures what we claim.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures, one thing after another.
    Measure {
        /// The services' executables.
        #[arg(long)]
        binaries: PathBuf,
        /// A directory to work in.
        #[arg(long)]
        home: PathBuf,
        /// The program that makes hashes with the reference library.
        #[arg(long)]
        reference: PathBuf,
        /// Where the report goes, as JSON.
        #[arg(long)]
        report: PathBuf,
        /// See only that it can be measured: figures of a second, held against no bound.
        #[arg(long)]
        short: bool,
        /// What.
        #[arg(required = true)]
        what: Vec<What>,
    },
    /// The peer of the session checks: answers health checks until it is stopped.
    #[command(hide = true)]
    Echo {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        certificate: PathBuf,
        #[arg(long)]
        key: PathBuf,
        #[arg(long)]
        authority: PathBuf,
    },
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Measure {
            binaries,
            home,
            reference,
            report: path,
            short,
            what,
        } => {
            let around = Surroundings {
                binaries,
                home,
                reference,
            };
            let effort = if short { Effort::SHORT } else { Effort::WHOLE };
            let report = bench::measure(&around, &what, effort).await?;
            std::fs::write(&path, report.json()?)
                .with_context(|| format!("cannot write {}", path.display()))?;
            print!("{report}");
            let kept = short || report.is_kept();
            Ok(if kept {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Command::Echo {
            listen,
            certificate,
            key,
            authority,
        } => {
            bench::serve_echo(listen, &Files { certificate, key }, &authority).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
