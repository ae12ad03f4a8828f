//! The one-shot jobs of a deployment. `secrets` makes what nobody has to choose (certificates, passwords, the key
//! ring) and gives each container its share; `migrate` makes the database ready; `keys` rotates the key ring.
//! Each can be run again at any time and changes only what is missing or asked for.
#![allow(clippy::print_stdout, reason = "a command line says what it did")]

mod database;
mod keys;
mod shares;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The one-shot jobs of a deployment.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Make what is missing of certificates, passwords and keys, and give each container its share.
    Secrets {
        #[command(flatten)]
        place: Place,
        /// Names under which browsers and workloads outside know the gateway, beside localhost.
        #[arg(long = "public-name", value_name = "NAME", value_delimiter = ',')]
        public_names: Vec<String>,
        /// Make every certificate anew, not only those that end within 30 days.
        #[arg(long)]
        renew: bool,
    },
    /// Copy a directory's files to one that nobody else may read: services refuse secrets that others may read, and
    /// what Kubernetes mounts belongs to root.
    Copy {
        /// Where the secrets are.
        from: PathBuf,
        /// Where they go; made if it is not there.
        to: PathBuf,
    },
    /// Change the key ring. Services read it when they start.
    Keys {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        change: keys::Change,
    },
    /// Create the database if there is none, migrate it, and let the services' roles log in.
    Migrate(database::Arguments),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The directory with one directory for each container's share.
    #[arg(long, default_value = "/secrets")]
    directory: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Cli::parse().job {
        Job::Secrets {
            place,
            public_names,
            renew,
        } => shares::make(&place.directory, &public_names, renew, |text| {
            println!("{text}");
        }),
        Job::Copy { from, to } => shares::copy(&from, &to),
        Job::Keys { place, change } => {
            let told = keys::change(&shares::key_ring(&place.directory), &change)?;
            shares::share_key_ring(&place.directory)?;
            println!("{told}");
            Ok(())
        }
        Job::Migrate(arguments) => database::make_ready(&arguments).await,
    }
}
