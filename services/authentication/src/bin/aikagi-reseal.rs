//! Seals all stored hashes again with the active key of the key ring. The services can run meanwhile.

use std::path::PathBuf;

use aikagi_authentication::ResealSettings;
use clap::Parser;

/// Seals all stored hashes again with the active key of the key ring. The services can run meanwhile.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The settings file (TOML): the section `postgres` for the role `aikagi_reseal`, and `key_ring`.
    #[arg(long, env = "AIKAGI_CONFIG", value_name = "FILE")]
    config: PathBuf,
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "a command line")]
async fn main() -> anyhow::Result<()> {
    let settings: ResealSettings = aikagi_mesh::config::load_job(&Cli::parse().config)?;
    let done = aikagi_authentication::reseal(&settings).await?;
    println!(
        "{} sealed again, {} already current, {} changed by a service meanwhile",
        done.sealed, done.current, done.changed
    );
    for (cost, hashes) in &done.costs {
        println!("{hashes} hashes with {cost}");
    }
    Ok(())
}
