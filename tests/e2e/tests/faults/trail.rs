//! Checks that the audit trail at the end is complete and agrees with the responses (OPS-3).

use std::process::Command;

use aikagi_devkit::command::run;
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::processes::binaries;

use super::fault_system::FaultSystem;
use crate::concurrency::coverage::Coverage;

/// The operations with exactly one audit event, and the action of the event.
const EXACT: [(&str, &str); 2] = [("change", "CHANGE_PASSWORD"), ("migrate", "MIGRATE")];
/// The operations with at least one audit event. Other operations use the same action too.
const AT_LEAST: [(&str, &str); 2] = [("login", "LOGIN"), ("set", "SET_TEMPORARY_PASSWORD")];

/// OPS-3, INV-5: checks that no event was lost or altered, and that every acknowledged operation
/// has its event. For the operations in [`EXACT`], there must not be more events than operations
/// that may have happened.
pub(super) async fn check(system: &FaultSystem, coverage: &Coverage) {
    verify(system);
    for (what, action) in EXACT {
        let (done, lost) = coverage.done(what);
        let events = events(system, action).await;
        assert!(
            (done..=done + lost).contains(&events),
            "the audit trail has {events} events {action}: {done} operations succeeded, {lost} more may have"
        );
    }
    for (what, action) in AT_LEAST {
        let (done, _) = coverage.done(what);
        let events = events(system, action).await;
        assert!(
            events >= done,
            "the audit trail has {events} events {action}: {done} operations succeeded"
        );
    }
}

async fn events(system: &FaultSystem, action: &str) -> usize {
    let statement = "SELECT count(*) FROM audit_events WHERE action = $1 AND outcome = 'DONE'";
    let count: i64 = sqlx::query_scalar(statement)
        .bind(action)
        .fetch_one(&system.ledger)
        .await
        .unwrap();
    usize::try_from(count).unwrap()
}

/// Verifies the trail as an operator does.
fn verify(system: &FaultSystem) {
    let processes = &system.system.processes;
    let identity = processes.identity("operator").unwrap();
    let port = processes.ports(Service::Gateway)[0].main;
    let mut verify = Command::new(binaries().join("aikagictl"));
    verify
        .env("AIKAGICTL_GATEWAY", format!("127.0.0.1:{port}"))
        .env("AIKAGICTL_CERTIFICATE", &identity.certificate)
        .env("AIKAGICTL_KEY", &identity.key)
        .env("AIKAGICTL_AUTHORITIES", &identity.authorities)
        .args(["audit", "verify"]);
    let text = tokio::task::block_in_place(|| run(&mut verify));
    assert!(
        text.unwrap().contains("whole"),
        "the audit trail is not whole"
    );
}
