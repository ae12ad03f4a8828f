//! Measures raw Argon2id of the reference library, on as many threads as the services use.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aikagi_devkit::command;
use aikagi_hashing::Settings;
use anyhow::{Context, Result};

/// The rate, in hashes per second, with the parameters of `settings`.
pub(super) async fn rate(program: &Path, settings: &Settings, slice: Duration) -> Result<f64> {
    let mut run = Command::new(program);
    run.args([
        settings.threads().to_string(),
        slice.as_secs_f64().to_string(),
        settings.memory_kib.to_string(),
        settings.iterations.to_string(),
        settings.parallelism.to_string(),
    ]);
    let printed = tokio::task::spawn_blocking(move || command::run(&mut run)).await??;
    let (made, seconds) = printed
        .trim()
        .split_once(' ')
        .context("the reference program printed something unexpected")?;
    Ok(made.parse::<f64>()? / seconds.parse::<f64>()?)
}
