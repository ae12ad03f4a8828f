//! The archive of PostgreSQL's write-ahead log. [`watch`] measures how far the archive is behind (INV-4).

use std::sync::LazyLock;
use std::time::Duration;

use aikagi_domain::fault::Fault as _;
use aikagi_mesh::background::BackgroundTask;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::telemetry::metrics::{Gauge, meter};

use crate::store::Store;

/// The interval of the measurements. PostgreSQL closes a segment once a minute.
const INTERVAL: Duration = Duration::from_mins(1);

static LAG: LazyLock<Gauge<f64>> = LazyLock::new(|| {
    meter()
        .f64_gauge("aikagi.archive.lag")
        .with_description(
            "Time since PostgreSQL archived a segment, if complete segments wait, else 0.",
        )
        .with_unit("s")
        .build()
});

/// Measures how far the archive is behind: once at the start, and then every [`INTERVAL`] until shutdown.
pub(crate) async fn watch(store: Store, shutdown: Shutdown) {
    let mut task = BackgroundTask::new("archive_lag");
    while !shutdown.has_begun() {
        let lag = store.archive_lag().await;
        if let Ok(lag) = lag {
            // Without an archive, nothing can be behind.
            LAG.record(lag.unwrap_or(0.0), &[]);
        }
        task.record(lag.map(drop).map_err(|fault| fault.cause().error_type));
        tokio::select! {
            () = shutdown.begun() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
