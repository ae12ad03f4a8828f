//! Subscribers at work while a trial disturbs the system (`tests/src/work.rs`).

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use aikagi_devkit::process::executable;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::Stage;

/// How many work at once, so how many calls are in flight at most.
pub(super) const SUBSCRIBERS: usize = 3;
/// No round takes that long, whatever happens.
const ROUND_LIMIT: Duration = Duration::from_mins(2);
/// What is said after each round.
const ROUND: &str = "round";

/// Subscribers at work.
pub(super) struct Work {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// What became of the work.
#[derive(Debug, Deserialize)]
pub(super) struct Account {
    /// Rounds that went through from the telephone to the logout.
    pub(super) rounds: u32,
    /// Calls that were answered.
    pub(super) answered: u32,
    /// Calls that got no answer of substance.
    pub(super) failed: Vec<String>,
    /// What had been acknowledged and was not so afterwards.
    pub(super) lost: Vec<String>,
    /// Temporary passwords and sessions that were gone.
    pub(super) gone: Vec<String>,
}

/// What a trial may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// Calls without an answer of substance.
    pub(super) failed: usize,
    /// Temporary passwords and sessions may go: Redis is emptied.
    pub(super) gone: bool,
}

/// Nothing.
pub(super) const NOTHING: Allowed = Allowed {
    failed: 0,
    gone: false,
};

impl Work {
    /// Lets them begin; returns when each has been through a round.
    pub(super) fn begin(stage: &Stage<'_>, file: &Path) -> Result<Self> {
        let mut command = Command::new(executable(&stage.binaries, "work")?);
        command
            .arg("--state")
            .arg(file)
            .args(["--subscribers", &SUBSCRIBERS.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the subscribers")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let work = Self {
            child,
            input,
            lines,
        };
        work.rounds(SUBSCRIBERS)?;
        Ok(work)
    }

    /// Waits until so many more rounds have ended, however, from now on.
    pub(super) fn rounds(&self, count: usize) -> Result<()> {
        // What ended before nobody waited for.
        while self.lines.try_recv().is_ok() {}
        let end = Instant::now() + ROUND_LIMIT;
        let mut seen = 0;
        while seen < count {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line == ROUND => seen += 1,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => bail!("the subscribers stand still"),
                Err(RecvTimeoutError::Disconnected) => bail!("the subscribers are gone"),
            }
        }
        Ok(())
    }

    /// Lets them finish, and compares what happened with what may.
    pub(super) fn end(mut self, stage: &Stage<'_>, allowed: Allowed) -> Result<()> {
        // Each once more, after the last disturbance.
        self.rounds(SUBSCRIBERS)?;
        drop(self.input.take());
        let mut last = String::new();
        while let Ok(line) = self.lines.recv_timeout(ROUND_LIMIT) {
            last = line;
        }
        ensure!(
            self.child
                .wait()
                .context("the subscribers are lost")?
                .success(),
            "the subscribers fell"
        );
        let account: Account = serde_json::from_str(&last)
            .with_context(|| format!("no account of the work: {last}"))?;
        stage.console.step(&format!(
            "{} rounds of work, {} calls answered, {} failed, {} gone, {} lost",
            account.rounds,
            account.answered,
            account.failed.len(),
            account.gone.len(),
            account.lost.len()
        ));
        ensure!(account.lost.is_empty(), "lost: {:#?}", account.lost);
        ensure!(
            account.failed.len() <= allowed.failed,
            "{} calls failed, not {} at most: {:#?}",
            account.failed.len(),
            allowed.failed,
            account.failed
        );
        ensure!(
            allowed.gone || account.gone.is_empty(),
            "gone: {:#?}",
            account.gone
        );
        let hardly = u32::try_from(SUBSCRIBERS).unwrap_or(u32::MAX);
        ensure!(account.rounds >= hardly, "hardly any work was done");
        Ok(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
