//! `aikagictl audit list`: lists events, oldest first, and follows new ones.

use std::time::Duration;

use aikagi_api::timestamp;
use aikagi_api::units::v1::{ListAuditEventsRequest, ListAuditEventsResponse};
use aikagi_mesh::clock::{Clock as _, SystemClock};
use tokio::time::Instant;

use super::follow::Follower;
use crate::cli::{AuditList, OutcomeFilter};
use crate::connection::Connection;
use crate::error::{CommandError, ExitKind};
use crate::output::{Output, remark};
use crate::views::AuditEvent;

/// The maximum number of events in a page, by the contract.
const PAGE: u32 = 1_000;
/// The maximum pause between two queries while the system is unavailable.
const MAX_PAUSE: Duration = Duration::from_secs(30);

pub(super) async fn run(
    arguments: &AuditList,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let filter = filter(arguments);
    if arguments.all {
        return pages(filter, 0, connection, output).await.map(drop);
    }
    let first = ListAuditEventsRequest {
        page_size: arguments.limit,
        newest: true,
        ..filter.clone()
    };
    let page = page(first, connection).await?;
    let mut follower = Follower::default();
    let ids = page.events.iter().map(|event| event.event_id);
    follower.begin(ids, Instant::now());
    print(page, output)?;
    if arguments.follow {
        let interval = arguments.interval;
        follow(filter, &mut follower, interval, connection, output).await
    } else {
        Ok(())
    }
}

fn filter(arguments: &AuditList) -> ListAuditEventsRequest {
    let now = SystemClock.now();
    ListAuditEventsRequest {
        number: arguments.number.clone().unwrap_or_default(),
        actions: arguments
            .action
            .iter()
            .map(|action| action.to_uppercase())
            .collect(),
        outcome: match arguments.outcome {
            None => String::new(),
            Some(OutcomeFilter::Done) => "DONE".to_owned(),
            Some(OutcomeFilter::Refused) => "REFUSED".to_owned(),
        },
        since_time: arguments.since.map(|time| timestamp(time.resolve(now))),
        until_time: arguments.until.map(|time| timestamp(time.resolve(now))),
        ..ListAuditEventsRequest::default()
    }
}

async fn page(
    request: ListAuditEventsRequest,
    connection: &Connection,
) -> Result<ListAuditEventsResponse, CommandError> {
    let mut audit = connection.audit();
    connection.call(audit.list_audit_events(request)).await
}

fn print(page: ListAuditEventsResponse, output: &mut Output) -> Result<(), CommandError> {
    for event in page.events {
        output.show(&AuditEvent::from(event))?;
    }
    output.flush()
}

/// Prints all events after this id, page by page.
async fn pages(
    filter: ListAuditEventsRequest,
    mut after: i64,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    loop {
        let request = ListAuditEventsRequest {
            after_event_id: after,
            page_size: PAGE,
            ..filter.clone()
        };
        let page = page(request, connection).await?;
        let (more, last) = (page.more, page.events.last().map(|event| event.event_id));
        print(page, output)?;
        match last {
            Some(last) if more => after = last,
            _ => return Ok(()),
        }
    }
}

/// Queries at each interval and prints the new events. While the system is unavailable, the pauses become longer, but
/// no event is lost.
async fn follow(
    filter: ListAuditEventsRequest,
    follower: &mut Follower,
    interval: Duration,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let mut pause = interval;
    loop {
        tokio::time::sleep(pause).await;
        match print_new(&filter, follower, connection, output).await {
            Ok(()) => pause = interval,
            Err(error) if error.kind == ExitKind::Unavailable => {
                pause = (pause * 2).min(MAX_PAUSE);
                remark(&format!(
                    "aikagictl: {}; trying again in {} s",
                    error.message,
                    pause.as_secs()
                ));
            }
            Err(error) => return Err(error),
        }
    }
}

async fn print_new(
    filter: &ListAuditEventsRequest,
    follower: &mut Follower,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let mut after = follower.query_after(Instant::now());
    loop {
        let request = ListAuditEventsRequest {
            after_event_id: after,
            page_size: PAGE,
            ..filter.clone()
        };
        let mut page = page(request, connection).await?;
        let last = page.events.last().map(|event| event.event_id);
        let now = Instant::now();
        page.events
            .retain(|event| follower.mark_listed(event.event_id, now));
        let more = page.more;
        print(page, output)?;
        match last {
            Some(last) if more => after = last,
            _ => return Ok(()),
        }
    }
}
