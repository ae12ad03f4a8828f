//! Measures the claims about speed and memory, and checks their bounds.
#![allow(
    clippy::print_stdout,
    reason = "a command prints its results on standard output"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use aikagi_bench::{BenchEnvironment, Benchmark, Effort};
use aikagi_client::Files;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Measures the claims about speed and memory.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs benchmarks, one after another.
    Measure {
        /// The directory of the services' executables.
        #[arg(long)]
        binaries: PathBuf,
        /// A directory to work in.
        #[arg(long)]
        home: PathBuf,
        /// The program that hashes with the reference library of Argon2.
        #[arg(long)]
        reference: PathBuf,
        /// The file for the report, as JSON.
        #[arg(long)]
        report: PathBuf,
        /// Only check that the measurement works: one second for our value and one for the peer,
        /// without checking bounds.
        #[arg(long)]
        short: bool,
        /// The number of lines of the import. The default is a million, or 20 thousand with
        /// --short.
        #[arg(long)]
        lines: Option<u64>,
        /// The benchmarks to run.
        #[arg(required = true)]
        what: Vec<Benchmark>,
    },
    /// The peer of some benchmarks: a server that responds to health checks until it is stopped.
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
            lines,
            what,
        } => {
            let environment = BenchEnvironment {
                binaries,
                home,
                reference,
            };
            let usual = if short { Effort::SHORT } else { Effort::WHOLE };
            let effort = Effort {
                lines: lines.unwrap_or(usual.lines),
                ..usual
            };
            let report = aikagi_bench::measure(&environment, &what, effort).await?;
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
            aikagi_bench::serve_echo(listen, &Files { certificate, key }, &authority).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
