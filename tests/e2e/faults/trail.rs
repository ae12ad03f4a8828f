//! The audit trail at the end: it is whole, and it agrees with what was answered (OPS-3).

use std::process::Command;

use aikagi_devkit::command::run;
use aikagi_devkit::installation::workloads::Service;

use super::stage::Stage;
use crate::concurrency::coverage::Coverage;
use crate::live::binaries;

/// What leaves exactly one event when it is done, by its action.
const EXACT: [(&str, &str); 2] = [("change", "CHANGE_PASSWORD"), ("migrate", "MIGRATE")];
/// What leaves one at least: other operations leave some, too.
const AT_LEAST: [(&str, &str); 2] = [("login", "LOGIN"), ("set", "SET_TEMPORARY_PASSWORD")];

/// OPS-3, INV-5: no event was lost or altered, what was acknowledged is there, and no more than what may have happened.
pub(super) async fn check(stage: &Stage, coverage: &Coverage) {
    verify(stage);
    for (what, action) in EXACT {
        let (done, lost) = coverage.done(what);
        let events = events(stage, action).await;
        assert!(
            (done..=done + lost).contains(&events),
            "the audit trail has {events} events {action}: {done} were done, {lost} may be"
        );
    }
    for (what, action) in AT_LEAST {
        let (done, _) = coverage.done(what);
        let events = events(stage, action).await;
        assert!(
            events >= done,
            "the audit trail has {events} events {action}: {done} were done"
        );
    }
}

async fn events(stage: &Stage, action: &str) -> usize {
    let statement = "SELECT count(*) FROM audit_events WHERE action = $1 AND outcome = 'DONE'";
    let count: i64 = sqlx::query_scalar(statement)
        .bind(action)
        .fetch_one(&stage.ledger)
        .await
        .unwrap();
    usize::try_from(count).unwrap()
}

/// As an operator does it.
fn verify(stage: &Stage) {
    let system = &stage.live.system;
    let identity = system.identity("operator").unwrap();
    let port = system.ports(Service::Gateway)[0].private.unwrap();
    let mut verify = Command::new(binaries().join("aikagictl"));
    verify
        .env("AIKAGICTL_GATEWAY", format!("127.0.0.1:{port}"))
        .env("AIKAGICTL_CERTIFICATE", &identity.certificate)
        .env("AIKAGICTL_KEY", &identity.key)
        .env("AIKAGICTL_AUTHORITIES", &identity.authorities)
        .args(["audit", "verify"]);
    let told = tokio::task::block_in_place(|| run(&mut verify));
    assert!(
        told.unwrap().contains("whole"),
        "the audit trail is not whole"
    );
}
