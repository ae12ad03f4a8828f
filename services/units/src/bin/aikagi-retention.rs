//! Removes the months of the audit trail that are older than the retention time.

use std::path::PathBuf;

use aikagi_mesh::clock::SystemClock;
use aikagi_units::RetentionSettings;
use clap::Parser;

/// Removes the months of the audit trail that are older than the retention time.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The settings file (TOML): the section `postgres` for the role `aikagi_retention`, and `keep_months`.
    #[arg(long, env = "AIKAGI_CONFIG", value_name = "FILE")]
    config: PathBuf,
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "a command line")]
async fn main() -> anyhow::Result<()> {
    let settings: RetentionSettings = aikagi_mesh::config::load_job(&Cli::parse().config)?;
    let removed = aikagi_units::remove_old_months(&settings, &SystemClock).await?;
    println!("{removed} months removed");
    Ok(())
}
