//! Plays the subscriber's story against the running system and tells it; fails at the first surprise.
#![allow(clippy::print_stderr, reason = "a command line says why it fails")]

use std::path::PathBuf;
use std::process::ExitCode;

use aikagi_tests::story::{Narrator, Story};
use clap::Parser;

/// Plays the subscriber's story against the running system.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// Where the system is: the file that `cargo xtask up` writes.
    #[arg(long, default_value = "target/up/state.json")]
    state: PathBuf,
    /// Say only how it ended.
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
            eprintln!("\nA surprise: {surprise:#}");
            ExitCode::FAILURE
        }
    }
}
