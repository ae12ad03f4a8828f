//! What we claim about speed and memory, measured against a bound or a peer in the same run, turn about: the machine
//! may be shared and noisy, and a ratio of neighbours is not.

mod checks;
mod enumeration;
mod hash;
mod load;
mod logins;
mod migration;
mod overload;
mod profile;
mod reference;
mod report;
mod rest;
mod scale;
mod stage;
mod turns;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

pub use checks::serve_echo;
pub use profile::Part;
pub use report::Report;

use report::Measure;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Logins against raw Argon2id, and what a login costs beyond its hash.
    Login,
    /// Session checks against a bare echo.
    Sessions,
    /// Turns of calls against a bare echo.
    Turns,
    /// The migration of a line with many numbers against its hashes.
    Migration,
    /// Ten times the load that can be served.
    Overload,
    /// A thousand times the numbers.
    Scale,
    /// What the time of a refusal tells.
    Enumeration,
    /// Memory at rest and after load, and the time to be ready.
    Rest,
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Times that both sides are measured.
    pub rounds: usize,
    /// How long each is measured, each time.
    pub slice: Duration,
    /// Numbers in the larger of two ledgers.
    pub numbers: u64,
}

impl Effort {
    /// Enough for a figure to be told.
    pub const WHOLE: Self = Self {
        rounds: 7,
        slice: Duration::from_secs(5),
        numbers: 10_000_000,
    };
    /// Enough to see that it can be measured at all.
    pub const SHORT: Self = Self {
        rounds: 3,
        slice: Duration::from_secs(1),
        numbers: 100_000,
    };
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The services' executables.
    pub binaries: PathBuf,
    /// A directory to work in.
    pub home: PathBuf,
    /// The program that makes hashes with the reference library.
    pub reference: PathBuf,
}

/// Measures one thing after another.
pub async fn measure(around: &Surroundings, what: &[What], effort: Effort) -> Result<Report> {
    let mut measures: Vec<Measure> = Vec::new();
    for what in what {
        measures.extend(match what {
            What::Login => logins::measure(around, effort).await?,
            What::Sessions => checks::measure(around, effort).await?,
            What::Turns => turns::measure(around, effort).await?,
            What::Migration => migration::measure(around, effort).await?,
            What::Overload => overload::measure(around, effort).await?,
            What::Scale => scale::measure(around, effort).await?,
            What::Enumeration => enumeration::measure(around, effort).await?,
            What::Rest => rest::measure(around, effort).await?,
        });
    }
    Ok(Report::of(measures))
}
