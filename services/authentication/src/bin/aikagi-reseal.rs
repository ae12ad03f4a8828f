//! Seals every stored hash again under the active key of the ring, while the services run.

use std::path::PathBuf;

use aikagi_authentication::ResealSettings;
use clap::Parser;

/// Seals every stored hash again under the active key of the ring.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The settings file (TOML): `postgres` as role `aikagi_reseal`, and `key_ring`.
    #[arg(long, env = "AIKAGI_CONFIG", value_name = "FILE")]
    config: PathBuf,
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "a command line")]
async fn main() -> anyhow::Result<()> {
    let settings: ResealSettings = aikagi_mesh::config::load_job(&Cli::parse().config)?;
    let done = aikagi_authentication::reseal(&settings).await?;
    println!(
        "{} sealed again, {} were current, {} changed meanwhile",
        done.sealed, done.current, done.changed
    );
    Ok(())
}
