//! The audit trail: lists, chains, partitions and retention.

use aikagi_api::units::v1::{
    AuditEvent, ListAuditEventsRequest, ListAuditEventsResponse, ReadAuditChainsRequest,
    ReadAuditChainsResponse,
};

use super::*;
use crate::audit::list_audit_events::list_audit_events;
use crate::audit::read_audit_chains::read_audit_chains;
use crate::retention::remove_old_months;

impl Fixture {
    async fn list(
        &self,
        request: ListAuditEventsRequest,
    ) -> Result<ListAuditEventsResponse, Refusal> {
        Ok(list_audit_events(&self.units, request).await?)
    }

    async fn chains(&self, number: &str) -> Result<Vec<ReadAuditChainsResponse>, Refusal> {
        let request = ReadAuditChainsRequest {
            number: number.to_owned(),
        };
        let mut messages = read_audit_chains(&self.units, request).await?;
        let mut all = Vec::new();
        while let Some(message) = messages.recv().await {
            all.push(message?);
        }
        Ok(all)
    }

    /// The telephone numbers of the events that match.
    async fn numbers(&self, request: ListAuditEventsRequest) -> Vec<String> {
        let events = self.list(request).await.unwrap().events;
        let numbers = events
            .into_iter()
            .map(|event| event.number.unwrap_or_default());
        numbers.collect()
    }

    /// Adds this number of lines.
    async fn add_many(&self, lines: usize) {
        for place in 0..lines {
            self.add(&format!("03333300{place:02}"), &[]).await.unwrap();
        }
    }
}

fn all() -> ListAuditEventsRequest {
    ListAuditEventsRequest::default()
}

/// OPS-2, OPS-3: events can be filtered by number and line, action, outcome and time.
#[tokio::test]
async fn events_are_filtered() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    fixture.add(OTHER, &[]).await.unwrap();
    fixture.add(USER, &[]).await.unwrap_err();
    let of = |number: &str| ListAuditEventsRequest {
        number: number.to_owned(),
        ..all()
    };
    assert_eq!(fixture.numbers(of("03-3333-0002")).await, [CONTRACT, USER]);
    assert_eq!(fixture.numbers(of(OTHER)).await, [OTHER]);
    assert!(fixture.numbers(of(PLAIN)).await.is_empty());
    let refused = ListAuditEventsRequest {
        outcome: "REFUSED".to_owned(),
        ..all()
    };
    assert_eq!(fixture.numbers(refused).await, [USER]);
    let logins = ListAuditEventsRequest {
        actions: vec!["LOGIN".to_owned()],
        ..all()
    };
    assert!(fixture.numbers(logins).await.is_empty());
    let moment = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let since = ListAuditEventsRequest {
        since_time: moment(1_800_000_000),
        ..all()
    };
    assert_eq!(fixture.numbers(since).await.len(), 3);
    let until = ListAuditEventsRequest {
        until_time: moment(1_800_000_000),
        ..all()
    };
    assert!(fixture.numbers(until).await.is_empty());
    for bad in [
        of("x"),
        ListAuditEventsRequest {
            outcome: "MAYBE".to_owned(),
            ..all()
        },
        ListAuditEventsRequest {
            since_time: moment(i64::MAX),
            ..all()
        },
    ] {
        let refusal = fixture.list(bad).await.unwrap_err();
        assert_eq!(refusal.reason(), ErrorReason::InvalidField);
    }
}

/// OPS-2: pages follow each other without a gap. The first page starts with the oldest event. If the request asks for
/// the newest events, the first page ends with the newest event.
#[tokio::test]
async fn events_come_in_pages() {
    let fixture = Fixture::new().await;
    fixture.add_many(5).await;
    let mut pages = Vec::new();
    let mut after = 0;
    loop {
        let request = ListAuditEventsRequest {
            page_size: 2,
            after_event_id: after,
            ..all()
        };
        let page = fixture.list(request).await.unwrap();
        after = page.events.last().unwrap().event_id;
        pages.push(page.events.len());
        if !page.more {
            break;
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    let newest = ListAuditEventsRequest {
        page_size: 2,
        newest: true,
        ..all()
    };
    let page = fixture.list(newest).await.unwrap();
    assert!(page.more);
    let numbers: Vec<_> = page.events.iter().map(AuditEvent::number).collect();
    assert_eq!(numbers, ["0333330003", "0333330004"]);
}

/// OPS-3: all events of all chains are read, with the bounds of each chain. The chain of one line can also be read
/// alone.
#[tokio::test]
async fn chains_are_read_completely() {
    let fixture = Fixture::new().await;
    fixture.add_many(3).await;
    for _ in 0..1200 {
        fixture.add("0333330000", &[]).await.unwrap_err();
    }
    let messages = fixture.chains("").await.unwrap();
    let begun: Vec<i64> = messages
        .iter()
        .filter(|message| message.bounds.is_some())
        .map(|message| message.chain)
        .collect();
    assert_eq!(begun.len(), 3);
    for chain in begun {
        let of_chain = || messages.iter().filter(|message| message.chain == chain);
        let head = of_chain()
            .find_map(|message| message.bounds.as_ref())
            .unwrap();
        let events: Vec<_> = of_chain().flat_map(|message| &message.events).collect();
        let sequences: Vec<i64> = events.iter().map(|event| event.chain_sequence).collect();
        assert_eq!(sequences, (1..=head.head_sequence).collect::<Vec<_>>());
        assert_eq!(events.last().unwrap().chain_hash, head.head_hash);
    }
    let one = fixture.chains("0333330000").await.unwrap();
    assert!(one.len() > 2, "a long chain has several messages");
    assert_eq!(
        one.iter()
            .map(|message| message.events.len())
            .sum::<usize>(),
        1201
    );
    let unknown = fixture.chains(OTHER).await.unwrap_err();
    assert_eq!(unknown.reason(), ErrorReason::LineNotFound);
}

/// OPS-3: the partition of a month is created before the month begins, so that no event goes into the default
/// partition.
#[tokio::test]
async fn events_go_into_the_partition_of_their_month() {
    let fixture = Fixture::new().await;
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    fixture.units.store.open_months(now, 2).await.unwrap();
    fixture.units.store.open_months(now, 2).await.unwrap();
    fixture.add(CONTRACT, &[]).await.unwrap();
    let place: String = sqlx::query_scalar("SELECT tableoid::regclass::text FROM audit_events")
        .fetch_one(&fixture.ledger)
        .await
        .unwrap();
    assert_eq!(place, "audit_events_2027_01");
}

/// OPS-3: the retention job removes old months with its own role.
#[tokio::test]
async fn old_months_are_removed() {
    let fixture = Fixture::new().await;
    let settings: crate::RetentionSettings = toml::from_str(&format!(
        "keep_months = 1\n[postgres]\nurl = \"{}\"",
        fixture.database.url_as("aikagi_retention")
    ))
    .unwrap();
    fixture.add(CONTRACT, &[]).await.unwrap();
    let at = |seconds| ManualClock::at(DateTime::from_timestamp(seconds, 0).unwrap());
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM audit_events")
            .fetch_one(&fixture.ledger)
            .await
            .unwrap()
    };
    remove_old_months(&settings, &*at(1_800_000_000))
        .await
        .unwrap();
    assert_eq!(count().await, 1);
    remove_old_months(&settings, &*at(1_800_000_000 + 86400 * 50))
        .await
        .unwrap();
    assert_eq!(count().await, 0);
    let keeps_nothing = crate::RetentionSettings {
        keep_months: 0,
        ..settings
    };
    let error = remove_old_months(&keeps_nothing, &*at(0))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("keep_months"));
}
