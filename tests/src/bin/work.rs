//! Subscribers who work until standard input ends, for whoever disturbs the system meanwhile. A line is written after
//! each round of work, and at the end one of JSON: what was answered, what failed, what was lost.
#![allow(clippy::print_stdout, reason = "whoever runs it reads it")]

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aikagi_tests::work::{Account, Subscriber};
use anyhow::{Context, Result};
use clap::Parser;
use tokio::task::JoinSet;

/// Subscribers who work until standard input ends.
#[derive(Debug, Parser)]
#[command(name = "work")]
struct Arguments {
    /// Where the system is: the file that `cargo xtask` writes.
    #[arg(long)]
    state: PathBuf,
    /// How many, each with a line of its own.
    #[arg(long, default_value_t = 3)]
    subscribers: usize,
    /// How long each rests between steps, in milliseconds: all share one address, which has a limit (LOGIN-8).
    #[arg(long, default_value_t = 150)]
    pause: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let ended = Arc::new(AtomicBool::new(false));
    let mut working = JoinSet::new();
    for _ in 0..arguments.subscribers {
        let subscriber = Subscriber::new(&arguments.state).await?;
        let ended = Arc::clone(&ended);
        let pause = Duration::from_millis(arguments.pause);
        working.spawn(subscriber.work(
            pause,
            move || ended.load(Ordering::Relaxed),
            || println!("round"),
        ));
    }
    let waiting = Arc::clone(&ended);
    std::thread::spawn(move || {
        let mut nothing = Vec::new();
        // An error ends the input, too.
        let _ = std::io::stdin().read_to_end(&mut nothing);
        waiting.store(true, Ordering::Relaxed);
    });
    let mut account = Account::default();
    while let Some(done) = working.join_next().await {
        account = account.and(done.context("a subscriber fell")?);
    }
    println!("{}", account.line()?);
    Ok(())
}
