//! Plays the subscriber's story against the running system and narrates it. Fails at the first unexpected result.
#![allow(clippy::print_stderr, reason = "a command prints why it fails")]

use std::path::PathBuf;
use std::process::ExitCode;

use aikagi_demo::{Narrator, Story};
use clap::Parser;

/// Plays the subscriber's story against the running system.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// The file with the addresses and identities of the system; `cargo xtask up` writes it.
    #[arg(long, default_value = "target/up/state.json")]
    state: PathBuf,
    /// Print only the result.
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let played = async {
        let story = Story::at(&arguments.state, Narrator::new(arguments.quiet))?;
        story.play().await
    };
    match played.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(surprise) => {
            eprintln!("\nUnexpected: {surprise:#}");
            ExitCode::FAILURE
        }
    }
}
