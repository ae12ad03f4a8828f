use super::{add_line, database, ledger_as, now, number};
use crate::audit::{AuditAction, AuditEvent, AuditOutcome, append};

/// OPS-3, INV-5: an event has actor, action, line, number, outcome, reason and trace. It is committed together with its
/// change, or not at all.
#[tokio::test]
async fn an_event_commits_with_its_change() {
    let (database, pool) = database().await;
    let line_id = add_line(&pool, &["0312345678"]).await;
    let issuance = ledger_as(&database, "aikagi_issuance");
    let mine = number("0312345678");
    for kept in [false, true] {
        let mut transaction = issuance.begin().await.unwrap();
        let event = AuditEvent {
            occurred: now(),
            actor: "workload:ivr",
            action: AuditAction::SetTemporaryPassword,
            line_id: Some(line_id),
            number: Some(&mine),
            outcome: AuditOutcome::Refused,
            reason: Some("UNIT_ESTABLISHED"),
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        };
        append(&mut transaction, event).await.unwrap();
        if kept {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
    }
    let found: Vec<(String, String, i64, String, String, String, String)> = sqlx::query_as(
        "SELECT actor, action, line_id, number, outcome, reason, trace_id FROM audit_events",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let [(actor, action, line, number, outcome, reason, trace)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(actor, "workload:ivr");
    assert_eq!(action, "SET_TEMPORARY_PASSWORD");
    assert_eq!((line, number.as_str()), (&line_id, "0312345678"));
    assert_eq!(
        (outcome.as_str(), reason.as_str()),
        ("REFUSED", "UNIT_ESTABLISHED")
    );
    assert_eq!(trace, "4bf92f3577b34da6a3ce929d0e0e4736");
}
