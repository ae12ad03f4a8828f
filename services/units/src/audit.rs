//! The audit trail, for operators (OPS-2, OPS-3). Each RPC has its own module. [`open_months_ahead`] creates the
//! partitions of the next months.

pub(crate) mod list_audit_events;
pub(crate) mod read_audit_chains;

use std::time::Duration;

use aikagi_api::timestamp;
use aikagi_api::units::v1::AuditEvent;
use aikagi_domain::fault::Fault as _;
use aikagi_mesh::background::BackgroundTask;
use aikagi_mesh::clock::SharedClock;
use aikagi_mesh::shutdown::Shutdown;

use crate::store::Store;
use crate::store::audit::StoredEvent;

/// The number of future months whose partitions exist.
const MONTHS_AHEAD: u32 = 2;
/// The interval at which partitions are created. A failed creation can wait for the next interval, because events
/// without a partition go into the default partition.
const INTERVAL: Duration = Duration::from_hours(6);

/// Creates the partitions of the next months: once at the start, and then every [`INTERVAL`] until shutdown.
pub(crate) async fn open_months_ahead(store: Store, clock: SharedClock, shutdown: Shutdown) {
    let mut task = BackgroundTask::new("audit_months");
    while !shutdown.has_begun() {
        let opened = store.open_months(clock.now(), MONTHS_AHEAD).await;
        task.record(opened.map_err(|fault| fault.cause().error_type));
        tokio::select! {
            () = shutdown.begun() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

fn view(event: StoredEvent) -> AuditEvent {
    AuditEvent {
        event_id: event.event_id,
        occur_time: Some(timestamp(event.occurred_time)),
        actor: event.actor,
        action: event.action,
        line_id: event.line_id,
        number: event.number,
        outcome: event.outcome,
        reason: event.reason,
        trace_id: event.trace_id,
        repeats: event.repeats,
        chain: event.chain,
        chain_sequence: event.chain_sequence,
        chain_hash: event.chain_hash,
    }
}
