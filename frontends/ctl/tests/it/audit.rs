//! Tests of `audit list` and `audit verify`.

use aikagi_api::units::v1::{AuditChainBounds, AuditEvent, ReadAuditChainsResponse};
use aikagi_domain::audit_chain::{ChainHash, ChainedEvent};
use chrono::DateTime;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::fixture::Fixture;

fn event(event_id: i64, action: &str) -> AuditEvent {
    AuditEvent {
        event_id,
        occur_time: Some(prost_types::Timestamp {
            seconds: 1_790_000_000,
            nanos: 123_456_000,
        }),
        actor: "operator/alice".into(),
        action: action.into(),
        line_id: Some(7),
        number: Some("0312340001".into()),
        outcome: "DONE".into(),
        chain: 7,
        chain_sequence: event_id,
        ..AuditEvent::default()
    }
}

fn ids(documents: &[serde_json::Value]) -> Vec<i64> {
    documents
        .iter()
        .map(|document| document["event_id"].as_i64().unwrap())
        .collect()
}

/// OPS-2, OPS-3: `audit list` lists the newest matching events. With `--all` it lists all matching events, page by
/// page.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed() {
    let fixture = Fixture::start().await;
    let all = (1..=2_500).map(|id| event(id, if id % 2 == 0 { "LOGIN" } else { "ADD_LINE" }));
    fixture.stub.events.lock().unwrap().extend(all);
    let (code, documents) = fixture.json(&["audit", "list", "--limit", "3"]).await;
    assert_eq!((code, ids(&documents)), (0, vec![2498, 2499, 2500]));
    let (_, documents) = fixture
        .json(&["audit", "list", "--limit", "2", "--action", "login"])
        .await;
    assert_eq!(ids(&documents), [2498, 2500]);
    let (_, documents) = fixture.json(&["audit", "list", "--all"]).await;
    assert_eq!(ids(&documents), (1..=2_500).collect::<Vec<i64>>());
    let ended = fixture
        .run(&[
            "audit",
            "list",
            "--limit",
            "1",
            "--number",
            "0312340001",
            "--outcome",
            "refused",
            "--since",
            "2026-11-24",
        ])
        .await;
    assert!(
        ended.out.contains("2026-09-21 14:13:20Z  LOGIN"),
        "{}",
        ended.out
    );
    let request = fixture.stub.requests().pop().unwrap();
    for part in [
        "number: \"0312340001\"",
        "outcome: \"REFUSED\"",
        "seconds: 1795478400",
    ] {
        assert!(request.contains(part), "{request}");
    }
}

/// OPS-3: `--follow` lists each event once, including an event that is committed after events with higher ids.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_followed() {
    let fixture = Fixture::start().await;
    fixture
        .stub
        .events
        .lock()
        .unwrap()
        .extend([event(10, "LOGIN"), event(12, "LOGIN")]);
    let arguments = [
        "audit",
        "list",
        "--follow",
        "--interval",
        "20ms",
        "--output",
        "json",
    ];
    let mut child = fixture.spawn(&arguments);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = lines.next_line().await.unwrap().unwrap();
        serde_json::from_str::<serde_json::Value>(&line).unwrap()["event_id"]
            .as_i64()
            .unwrap()
    };
    assert_eq!([next().await, next().await], [10, 12]);
    fixture.stub.events.lock().unwrap().push(event(13, "LOGIN"));
    assert_eq!(next().await, 13);
    fixture
        .stub
        .events
        .lock()
        .unwrap()
        .extend([event(11, "LOGIN"), event(14, "LOGIN")]);
    assert_eq!([next().await, next().await], [11, 14]);
    child.kill().await.unwrap();
}

/// Returns chain 7 with `length` events, as the system sends it. The event `altered` has different content. All hashes
/// are valid.
fn chain(length: i64, altered: Option<i64>) -> Vec<ReadAuditChainsResponse> {
    let mut hash = ChainHash::START;
    let mut events = Vec::new();
    for sequence in 1..=length {
        let mut event = event(sequence, "LOGIN");
        if altered == Some(sequence) {
            event.actor = "somebody else".into();
        }
        let chained = ChainedEvent {
            chain: event.chain,
            chain_sequence: event.chain_sequence,
            event_id: event.event_id,
            occurred: DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap(),
            actor: &event.actor,
            action: &event.action,
            line_id: event.line_id,
            number: event.number.as_deref(),
            outcome: &event.outcome,
            reason: None,
            trace_id: None,
            repeats: event.repeats,
        };
        hash = chained.hash_after(hash);
        event.chain_hash = hash.as_bytes().to_vec();
        events.push(event);
    }
    let bounds = AuditChainBounds {
        base_sequence: 0,
        base_hash: vec![0; 32],
        head_sequence: length,
        head_hash: hash.as_bytes().to_vec(),
    };
    let second = events.split_off(events.len() / 2);
    vec![
        ReadAuditChainsResponse {
            chain: 7,
            bounds: Some(bounds),
            events,
        },
        ReadAuditChainsResponse {
            chain: 7,
            bounds: None,
            events: second,
        },
    ]
}

/// OPS-3: no flaw is reported in an intact trail. Events that were removed, altered, moved or cut off are reported.
#[tokio::test(flavor = "multi_thread")]
async fn a_trail_is_verified() {
    let fixture = Fixture::start().await;
    let verify = async |pieces: Vec<ReadAuditChainsResponse>| {
        *fixture.stub.chains.lock().unwrap() = pieces;
        let (code, documents) = fixture.json(&["audit", "verify"]).await;
        let flaws = documents[0]["flaws"].as_array().unwrap();
        let kinds: Vec<String> = flaws
            .iter()
            .map(|flaw| flaw["kind"].as_str().unwrap().to_owned())
            .collect();
        (code, kinds)
    };
    assert_eq!(verify(chain(9, None)).await, (0, vec![]));
    assert_eq!(verify(vec![]).await, (0, vec![]));
    assert_eq!(
        fixture.run(&["audit", "verify", "0699990000"]).await.code,
        4
    );
    let tampered = |act: fn(&mut Vec<ReadAuditChainsResponse>)| {
        let mut pieces = chain(9, None);
        act(&mut pieces);
        pieces
    };
    for (act, kinds) in [
        (
            (|pieces| drop(pieces[0].events.remove(1))) as fn(&mut Vec<ReadAuditChainsResponse>),
            vec!["REMOVED"],
        ),
        (
            |pieces| pieces[1].events[0].reason = Some("x".into()),
            vec!["ALTERED"],
        ),
        (
            |pieces| pieces[1].events[0].occur_time = None,
            vec!["ALTERED"],
        ),
        (
            |pieces| pieces[1].events[0].chain_hash.clear(),
            vec!["ALTERED", "ALTERED"],
        ),
        (
            |pieces| pieces[0].events.swap(0, 1),
            vec!["REMOVED", "MISPLACED"],
        ),
        (|pieces| drop(pieces[1].events.pop()), vec!["CUT_OFF"]),
    ] {
        assert_eq!(
            verify(tampered(act)).await,
            (6, kinds.iter().map(ToString::to_string).collect())
        );
    }
    let ended = fixture.run(&["audit", "verify", "0312340001"]).await;
    assert!(
        ended
            .out
            .contains("chain 7: the end is cut off: event 9 is missing"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("NOT WHOLE") && ended.code == 6);
}

/// OPS-3: a comparison with the anchor finds a chain that was rewritten completely. The anchor is updated only if no
/// flaw is found.
#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_finds_a_rewritten_chain() {
    let fixture = Fixture::start().await;
    let path = fixture.path("heads");
    let verify = ["audit", "verify", "--anchor", path.to_str().unwrap()];
    let serve = |pieces| *fixture.stub.chains.lock().unwrap() = pieces;
    let anchor = || std::fs::read_to_string(&path).unwrap();

    serve(chain(4, None));
    assert_eq!(fixture.run(&verify).await.code, 0);
    assert!(anchor().contains("\n7 4 "), "{}", anchor());
    serve(chain(6, None));
    assert_eq!(fixture.run(&verify).await.code, 0);
    let before = anchor();
    assert!(before.contains("\n7 6 "), "{before}");

    for (pieces, expected) in [
        (chain(8, Some(3)), "rewritten at event 6 or before"),
        (chain(5, None), "the anchor contains event 6"),
        (vec![], "chain 7 is missing"),
    ] {
        serve(pieces);
        let ended = fixture.run(&verify).await;
        assert_eq!(ended.code, 6);
        assert!(ended.out.contains(expected), "{}", ended.out);
        assert_eq!(anchor(), before);
    }
    // The anchor cannot show that events after the head that it contains were rewritten.
    serve(chain(8, Some(7)));
    assert_eq!(fixture.run(&verify).await.code, 0);
}
