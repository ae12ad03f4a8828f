//! The audit trail, for operators (OPS-2, OPS-3). One module for each RPC; [`keep_months_open`] makes room for the
//! months to come.

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

/// Months that are open before they begin.
const MONTHS_AHEAD: u32 = 2;
/// How often months are opened; a failure is made good by the next time, for events are recorded all the same.
const LOOK_EVERY: Duration = Duration::from_hours(6);

/// Opens the months of the audit trail before they begin, now and from time to time, until the stop.
pub(crate) async fn keep_months_open(store: Store, clock: SharedClock, shutdown: Shutdown) {
    let mut task = BackgroundTask::new("audit_months");
    while !shutdown.has_begun() {
        let opened = store.open_months(clock.now(), MONTHS_AHEAD).await;
        task.record(opened.map_err(|fault| fault.cause().error_type));
        tokio::select! {
            () = shutdown.begun() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
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
        chain: event.chain,
        chain_sequence: event.chain_sequence,
        chain_hash: event.chain_hash,
    }
}
