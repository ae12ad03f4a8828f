//! The stop of a service. The service accepts no new RPCs. It waits for the RPCs in progress, then for work that must
//! not be cut off.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::deadline;

/// A handle to the stop of a service. It begins the stop, waits for it, or runs work that the stop waits for. Clones
/// share the same stop.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Creates a stop that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a stop that begins with SIGTERM or SIGINT.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
            stop.begin();
        });
        Ok(shutdown)
    }

    /// Begins the stop.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// True once the stop has begun.
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the stop begins.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Starts work that must not be cut off. The stop waits for it.
    ///
    /// For example, a charged attempt is settled even if its caller disconnects (INV-6).
    pub fn run_to_end<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(work)
    }

    /// Starts work that must not be cut off, and waits for its result. If the caller's future is dropped, the work
    /// continues. It has the deadline and the span of the present RPC (INV-11). `None` if the work panicked or the
    /// runtime ended.
    pub async fn carry_through<F>(&self, work: F) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let work = deadline::inherit(deadline::current(), work).in_current_span();
        self.run_to_end(work).await.ok()
    }

    /// Waits until all started work has ended, but at most for the time `longest`.
    pub async fn wait_for_work(&self, longest: Duration) {
        self.tasks.close();
        if tokio::time::timeout(longest, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(tasks = self.tasks.len(), "stopped with work in progress");
        }
    }
}
