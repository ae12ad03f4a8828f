//! Stopping in steps: no new calls, then the ones in progress, then what they left behind.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::deadline;

/// The stop of a service: whoever holds it can ask for it, wait for it, or run work that it waits for.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// One that nobody has asked for.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that SIGTERM and SIGINT ask for.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let asked = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
            asked.begin();
        });
        Ok(shutdown)
    }

    /// Asks for the stop.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Whether it was asked for.
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until it is asked for.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Runs work that must not be cut off: an attempt once charged is settled though its caller has gone
    /// (INV-6). The stop waits for it.
    pub fn run_to_end<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(work)
    }

    /// Waits for work that goes on to its end though the waiting is cut off, under the deadline and the span of
    /// the call that it is for (INV-11). None if the work itself was cut off.
    pub async fn carry_through<F>(&self, work: F) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let work = deadline::inherit(deadline::current(), work).in_current_span();
        self.run_to_end(work).await.ok()
    }

    /// Waits for the work of [`run_to_end`](Self::run_to_end), at most so long.
    pub async fn settle(&self, longest: Duration) {
        self.tasks.close();
        if tokio::time::timeout(longest, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(tasks = self.tasks.len(), "stopped with work in progress");
        }
    }
}
