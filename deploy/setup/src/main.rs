//! The one-shot jobs of a deployment:
//!
//! - `secrets` generates certificates, passwords and the key ring, and gives each container its share.
//! - `copy` copies a share to files that only the container's user may read.
//! - `keys` rotates the key ring.
//! - `deny-list` changes the deny list.
//! - `migrate` creates or upgrades the database.
//!
//! Each job can run again at any time. It makes what is missing, and replaces certificates that end soon or need other
//! host names. Otherwise it changes only what the command line requests.
#![allow(clippy::print_stdout, reason = "a command line reports its result")]

mod database;
mod deny_list;
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
    /// Generate missing certificates, passwords and keys, and give each container its share.
    Secrets {
        #[command(flatten)]
        directory: SecretsDirectory,
        /// Host names at which subscribers reach the edge, in addition to localhost.
        #[arg(long = "public-name", value_name = "NAME", value_delimiter = ',')]
        public_names: Vec<String>,
        /// Replace every certificate except the authority's, not only those that end within 30 days.
        #[arg(long)]
        renew: bool,
    },
    /// Copy the files of a directory to a directory that only this user may read. Kubernetes mounts secrets that belong
    /// to root, and services refuse secrets that others may read.
    Copy {
        /// The directory with the secrets.
        from: PathBuf,
        /// The directory for the copies. It is created if it does not exist.
        to: PathBuf,
    },
    /// Change the key ring. Services read it only when they start, so restart them after each change.
    Keys {
        #[command(flatten)]
        directory: SecretsDirectory,
        #[command(subcommand)]
        change: keys::Change,
    },
    /// Change the deny list, with which workloads refuse stolen certificates. They read it again by themselves.
    DenyList {
        #[command(flatten)]
        directory: SecretsDirectory,
        #[command(subcommand)]
        change: deny_list::Change,
    },
    /// Create the database if it does not exist, apply the schema, and give the services' roles their passwords.
    Migrate(database::Arguments),
}

#[derive(Debug, clap::Args)]
struct SecretsDirectory {
    /// The directory of the secrets. Its subdirectory `vault` has all secrets. Each other subdirectory has the secrets of
    /// one container.
    #[arg(
        long = "directory",
        value_name = "DIRECTORY",
        default_value = "/secrets"
    )]
    path: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Cli::parse().job {
        Job::Secrets {
            directory,
            public_names,
            renew,
        } => shares::make(&directory.path, &public_names, renew, |text| {
            println!("{text}");
        }),
        Job::Copy { from, to } => shares::copy(&from, &to),
        Job::Keys { directory, change } => {
            let keys = keys::change(&shares::key_ring(&directory.path), &change)?;
            shares::share_key_files(&directory.path)?;
            println!("{keys}");
            Ok(())
        }
        Job::DenyList { directory, change } => {
            let file = shares::deny_list(&directory.path);
            let text = deny_list::change(&file, &directory.path.join("vault"), &change)?;
            shares::share_deny_list(&directory.path)?;
            println!("{}", text.trim_end());
            Ok(())
        }
        Job::Migrate(arguments) => database::migrate(&arguments).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_names_of_key_ring_changes_still_work() {
        for (old, new) in [("use", "activate"), ("drop", "remove")] {
            let parsed = [old, new].map(|word| {
                let cli = Cli::try_parse_from(["aikagi-setup", "keys", word, "2"]);
                format!("{:?}", cli.unwrap())
            });
            assert_eq!(parsed[0], parsed[1]);
        }
    }
}
