//! `aikagictl audit list`: events, oldest first, and new ones as they come.

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

/// The most that the contract gives at once.
const PAGE: u32 = 1_000;
/// The longest wait after the system could not be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) async fn run(
    wanted: &AuditList,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let filter = filter(wanted);
    if wanted.all {
        return pages(filter, 0, connection, output).await.map(drop);
    }
    let first = ListAuditEventsRequest {
        page_size: wanted.limit,
        newest: true,
        ..filter.clone()
    };
    let page = page(first, connection).await?;
    let mut follower = Follower::default();
    let ids = page.events.iter().map(|event| event.event_id);
    follower.begin(ids, Instant::now());
    print(page, output)?;
    if wanted.follow {
        follow(filter, &mut follower, wanted.interval, connection, output).await
    } else {
        Ok(())
    }
}

fn filter(wanted: &AuditList) -> ListAuditEventsRequest {
    let now = SystemClock.now();
    ListAuditEventsRequest {
        number: wanted.number.clone().unwrap_or_default(),
        actions: wanted
            .action
            .iter()
            .map(|action| action.to_uppercase())
            .collect(),
        outcome: match wanted.outcome {
            None => String::new(),
            Some(OutcomeFilter::Done) => "DONE".to_owned(),
            Some(OutcomeFilter::Refused) => "REFUSED".to_owned(),
        },
        since_time: wanted.since.map(|when| timestamp(when.from(now))),
        until_time: wanted.until.map(|when| timestamp(when.from(now))),
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

/// Prints every event after this one, page by page.
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
        let answer = page(request, connection).await?;
        let (more, last) = (
            answer.more,
            answer.events.last().map(|event| event.event_id),
        );
        print(answer, output)?;
        match last {
            Some(last) if more => after = last,
            _ => return Ok(()),
        }
    }
}

/// Looks again and again, a little back each time, and prints what is new. While the system cannot be reached it
/// waits, longer each time, and leaves nothing out.
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
        match look(&filter, follower, connection, output).await {
            Ok(()) => pause = interval,
            Err(error) if error.kind == ExitKind::Unavailable => {
                pause = (pause * 2).min(LONGEST_PAUSE);
                remark(&format!(
                    "aikagictl: {}; looking again in {} s",
                    error.message,
                    pause.as_secs()
                ));
            }
            Err(error) => return Err(error),
        }
    }
}

async fn look(
    filter: &ListAuditEventsRequest,
    follower: &mut Follower,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let mut after = follower.ask_after(Instant::now());
    loop {
        let request = ListAuditEventsRequest {
            after_event_id: after,
            page_size: PAGE,
            ..filter.clone()
        };
        let mut answer = page(request, connection).await?;
        let last = answer.events.last().map(|event| event.event_id);
        let now = Instant::now();
        answer
            .events
            .retain(|event| follower.is_new(event.event_id, now));
        let more = answer.more;
        print(answer, output)?;
        match last {
            Some(last) if more => after = last,
            _ => return Ok(()),
        }
    }
}
