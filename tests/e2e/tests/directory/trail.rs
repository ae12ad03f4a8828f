//! The audit trail of a story with all kinds of events (OPS-3).

use std::collections::BTreeMap;

use aikagi_api::units::v1::audit_service_client::AuditServiceClient;
use aikagi_api::units::v1::import_service_client::ImportServiceClient;
use aikagi_api::units::v1::{
    AuditEvent, ImportLinesRequest, ImportRow, ListAuditEventsRequest, ReadAuditChainsRequest,
};
use aikagi_client::refused;
use aikagi_client::samples::{
    CONTRACT, FIRST, NOBODY, OTHER_PERMANENT, PERMANENT, STRANGER, TEMPORARY,
};
use aikagi_domain::audit_chain::{ChainBounds, ChainHash, ChainWalk, ChainedEvent, Mark};
use aikagi_e2e::in_process::InProcessSystem;

/// A story with all kinds of changes and refusals.
async fn story(system: &InProcessSystem) {
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    refused(system.site().login(NOBODY, OTHER_PERMANENT).await);
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    refused(session.change(OTHER_PERMANENT, "Another1").await);
    session.logout().await.unwrap();
    let operator = system.operator();
    operator.unsubscribe(FIRST).await.unwrap();
    refused(operator.remove_number(CONTRACT).await);
    operator.end_sessions(CONTRACT).await.unwrap();
    operator.reset_unit(CONTRACT).await.unwrap();
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    operator.close_line(STRANGER).await.unwrap();
    operator.add_line(&[(STRANGER, true)]).await.unwrap();
}

fn hash(bytes: &[u8]) -> ChainHash {
    ChainHash::from_slice(bytes).unwrap()
}

fn chained(event: &AuditEvent) -> ChainedEvent<'_> {
    let time = event.occur_time.unwrap();
    let nanos = u32::try_from(time.nanos).unwrap();
    ChainedEvent {
        chain: event.chain,
        chain_sequence: event.chain_sequence,
        event_id: event.event_id,
        occurred: chrono::DateTime::from_timestamp(time.seconds, nanos).unwrap(),
        actor: &event.actor,
        action: &event.action,
        line_id: event.line_id,
        number: event.number.as_deref(),
        outcome: &event.outcome,
        reason: event.reason.as_deref(),
        trace_id: event.trace_id.as_deref(),
        repeats: event.repeats,
    }
}

/// Recomputes all chains from the service's responses. Returns the number of changed chains and of all chains.
async fn flawed(system: &InProcessSystem) -> (usize, usize) {
    let mut audit = AuditServiceClient::new(system.private_as("operator"));
    let request = ReadAuditChainsRequest::default();
    let mut pieces = audit.read_audit_chains(request).await.unwrap().into_inner();
    let mut walks: BTreeMap<i64, ChainWalk> = BTreeMap::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        if let Some(bounds) = &piece.bounds {
            let mark = |sequence, bytes: &[u8]| Mark {
                sequence,
                hash: hash(bytes),
            };
            let bounds = ChainBounds {
                base: mark(bounds.base_sequence, &bounds.base_hash),
                head: mark(bounds.head_sequence, &bounds.head_hash),
            };
            walks.insert(piece.chain, ChainWalk::begin(piece.chain, bounds, None));
        }
        let walk = walks
            .get_mut(&piece.chain)
            .expect("a chain begins with its bounds");
        for event in &piece.events {
            walk.take(&chained(event), hash(&event.chain_hash));
        }
    }
    let chains = walks.len();
    let flawed = walks
        .into_values()
        .filter(|walk| !walk.clone().end().1.is_empty());
    (flawed.count(), chains)
}

/// OPS-3: every decision of the story has an event with actor, action, outcome, reason, time and
/// line. The only full number in an event is the number that the event concerns.
#[tokio::test]
async fn every_decision_leaves_an_event() {
    let system = InProcessSystem::start().await;
    story(&system).await;
    let mut audit = AuditServiceClient::new(system.private_as("operator"));
    let request = ListAuditEventsRequest {
        page_size: 1000,
        ..ListAuditEventsRequest::default()
    };
    let events = audit
        .list_audit_events(request)
        .await
        .unwrap()
        .into_inner()
        .events;
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for event in &events {
        *counts
            .entry((event.action.as_str(), event.outcome.as_str()))
            .or_default() += 1;
        assert!(
            !event.actor.contains("031234") && !event.actor.is_empty(),
            "{event:?}"
        );
        assert!(event.occur_time.is_some());
        assert!(event.number.is_none() || event.line_id.is_some());
        if event.outcome == "REFUSED" {
            assert!(event.reason.is_some(), "{event:?}");
        }
    }
    let expected = BTreeMap::from([
        (("ADD_LINE", "DONE"), 3),
        (("CHANGE_PASSWORD", "DONE"), 1),
        (("CHANGE_PASSWORD", "REFUSED"), 1),
        (("CLOSE_LINE", "DONE"), 1),
        (("END_SESSIONS", "DONE"), 1),
        (("LOGIN", "DONE"), 2),
        (("LOGIN", "REFUSED"), 2),
        (("LOGOUT", "DONE"), 1),
        (("REMOVE_LINE", "DONE"), 1),
        (("REMOVE_NUMBER", "REFUSED"), 1),
        (("RESET_UNIT", "DONE"), 1),
        (("SET_TEMPORARY_PASSWORD", "DONE"), 2),
        (("UNSUBSCRIBE_NUMBER", "DONE"), 1),
        (("VERIFY_PASSWORD", "DONE"), 1),
        (("VERIFY_PASSWORD", "REFUSED"), 1),
    ]);
    assert_eq!(counts, expected);
    let ids: Vec<i64> = events.iter().map(|event| event.event_id).collect();
    assert!(ids.is_sorted());
}

/// OPS-3: recomputed chains show that an unchanged trail is complete. They also show an event that
/// the database's owner altered, removed or cut off at the end.
#[tokio::test]
async fn a_changed_trail_is_found() {
    let system = InProcessSystem::start().await;
    story(&system).await;
    let (none, chains) = flawed(&system).await;
    assert_eq!(none, 0);
    assert!(chains >= 4, "{chains}");
    let ledger = system.ledger().await;
    for (change, undo) in [
        (
            "UPDATE audit_events SET outcome = 'DONE' WHERE action = 'REMOVE_NUMBER'",
            "UPDATE audit_events SET outcome = 'REFUSED' WHERE action = 'REMOVE_NUMBER'",
        ),
        (
            "CREATE TABLE kept AS SELECT * FROM audit_events WHERE action = 'LOGOUT';
             DELETE FROM audit_events WHERE action = 'LOGOUT'",
            "INSERT INTO audit_events SELECT * FROM kept; DROP TABLE kept",
        ),
        (
            "CREATE TABLE kept AS SELECT * FROM audit_events WHERE event_id = (SELECT max(event_id) FROM audit_events);
             DELETE FROM audit_events WHERE event_id = (SELECT event_id FROM kept)",
            "INSERT INTO audit_events SELECT * FROM kept; DROP TABLE kept",
        ),
    ] {
        sqlx::raw_sql(change).execute(&ledger).await.unwrap();
        assert_eq!(flawed(&system).await.0, 1, "{change}");
        sqlx::raw_sql(undo).execute(&ledger).await.unwrap();
        assert_eq!(flawed(&system).await.0, 0, "{undo}");
    }
}

/// OPS-1, OPS-3: after an import through the gateway's private port, a number of a new line can set
/// its password by telephone immediately. Each new line has an event that names the operator.
#[tokio::test]
async fn an_import_through_the_gateway() {
    let system = InProcessSystem::start().await;
    let rows = (0..3).map(|place| ImportRow {
        row_number: place + 2,
        contract_number: format!("045222000{place}"),
        subscribed_numbers: vec![format!("045222000{place}")],
        unsubscribed_numbers: Vec::new(),
    });
    let batch = ImportLinesRequest {
        rows: rows.collect(),
        dry_run: false,
    };
    let mut import = ImportServiceClient::new(system.private_as("operator/alice"));
    let batches = tokio_stream::iter([batch.clone(), batch]);
    let mut answers = import.import_lines(batches).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    assert_eq!(
        (first.added, first.unchanged, first.last_row_number),
        (3, 0, 4)
    );
    let second = answers.message().await.unwrap().unwrap();
    assert_eq!((second.added, second.unchanged), (0, 3));
    assert!(answers.message().await.unwrap().is_none());
    system
        .establish("0452220001", "1", "0452220001", PERMANENT)
        .await;
    assert_eq!(flawed(&system).await.0, 0);
    let by_alice: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_events WHERE actor = 'operator/alice'")
            .fetch_one(&system.ledger().await)
            .await
            .unwrap();
    assert_eq!(by_alice, 3);
}
