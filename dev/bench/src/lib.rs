//! Measures the claims about speed and memory against a bound or a peer. Our code and the peer are
//! measured alternately in one run. The machine may be shared and noisy, but the ratio of two
//! neighbouring values is stable.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up fails"
)]

mod checks;
mod enumeration;
mod hash;
mod import;
mod load;
mod logins;
mod overload;
mod profile;
mod reference;
mod report;
mod rest;
mod scale;
mod system;
mod turns;
mod unit_migration;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

pub use checks::serve_echo;
pub use profile::Part;
pub use report::Report;

use report::Measure;

/// A benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Benchmark {
    /// Logins against raw Argon2id, and the cost of a login without its hash.
    Login,
    /// Session checks against a bare echo.
    Sessions,
    /// Turns of calls against a bare echo.
    Turns,
    /// The unit migration of a line with many numbers against its hashes.
    Migration,
    /// Ten times the load that the system can serve.
    Overload,
    /// Logins in a large ledger compared with logins in a small one.
    Scale,
    /// The times of refusals, which must not depend on the number.
    Enumeration,
    /// Bulk import against raw COPY.
    Import,
    /// Memory at rest and after load, and the time until a service is ready.
    Rest,
}

/// The size and duration of the benchmarks.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The number of times that both sides are measured.
    pub rounds: usize,
    /// The duration of one measurement of one side.
    pub slice: Duration,
    /// The number of telephone numbers in the larger of the two ledgers.
    pub numbers: u64,
    /// The number of lines of the import, with three numbers each.
    pub lines: u64,
}

impl Effort {
    /// The size for published figures.
    pub const WHOLE: Self = Self {
        rounds: 7,
        slice: Duration::from_secs(5),
        numbers: 10_000_000,
        lines: 1_000_000,
    };
    /// The smallest size that shows that the measurement works.
    pub const SHORT: Self = Self {
        rounds: 3,
        slice: Duration::from_secs(1),
        numbers: 100_000,
        lines: 20_000,
    };
}

/// The paths that the benchmarks need.
#[derive(Clone, Debug)]
pub struct BenchEnvironment {
    /// The directory of the services' executables.
    pub binaries: PathBuf,
    /// A directory to work in.
    pub home: PathBuf,
    /// The program that hashes with the reference library of Argon2.
    pub reference: PathBuf,
}

/// Runs the benchmarks, one after another.
pub async fn measure(
    environment: &BenchEnvironment,
    benchmarks: &[Benchmark],
    effort: Effort,
) -> Result<Report> {
    let mut measures: Vec<Measure> = Vec::new();
    for benchmark in benchmarks {
        measures.extend(match benchmark {
            Benchmark::Login => logins::measure(environment, effort).await?,
            Benchmark::Sessions => checks::measure(environment, effort).await?,
            Benchmark::Turns => turns::measure(environment, effort).await?,
            Benchmark::Migration => unit_migration::measure(environment, effort).await?,
            Benchmark::Overload => overload::measure(environment, effort).await?,
            Benchmark::Scale => scale::measure(environment, effort).await?,
            Benchmark::Enumeration => enumeration::measure(environment, effort).await?,
            Benchmark::Import => {
                tokio::task::block_in_place(|| import::measure(environment, effort))?
            }
            Benchmark::Rest => rest::measure(environment, effort).await?,
        });
    }
    Ok(Report::of(measures))
}
