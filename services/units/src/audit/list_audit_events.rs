//! `ListAuditEvents`: lists the audit events that match a filter, one page at a time (OPS-2).

use aikagi_api::units::v1::{ListAuditEventsRequest, ListAuditEventsResponse};
use aikagi_refusal::{Failure, Refusal, fields};
use chrono::{DateTime, Utc};

use super::view;
use crate::Units;
use crate::store::audit::Filter;

const DEFAULT_PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

pub(crate) async fn list_audit_events(
    service: &Units,
    request: ListAuditEventsRequest,
) -> Result<ListAuditEventsResponse, Failure> {
    let size = match request.page_size {
        0 => DEFAULT_PAGE,
        size => size.min(LARGEST_PAGE),
    };
    let newest = request.newest;
    let filter = filter(request)?;
    // Read one more event than the page needs. If this event exists, another page follows.
    let mut events = service
        .store
        .audit_events(&filter, newest, i64::from(size) + 1)
        .await?;
    let more = events.len() > size as usize;
    if more && newest {
        events.remove(0);
    } else if more {
        events.pop();
    }
    Ok(ListAuditEventsResponse {
        events: events.into_iter().map(view).collect(),
        more,
    })
}

fn filter(request: ListAuditEventsRequest) -> Result<Filter, Refusal> {
    let number = match request.number.as_str() {
        "" => None,
        text => Some(fields::number("number", text)?),
    };
    if !["", "DONE", "REFUSED"].contains(&request.outcome.as_str()) {
        return Err(Refusal::invalid_field("outcome", "must be DONE or REFUSED"));
    }
    Ok(Filter {
        number,
        actions: request.actions,
        outcome: Some(request.outcome).filter(|outcome| !outcome.is_empty()),
        since: moment("since_time", request.since_time)?,
        until: moment("until_time", request.until_time)?,
        after_event_id: request.after_event_id,
    })
}

fn moment(
    field: &'static str,
    time: Option<prost_types::Timestamp>,
) -> Result<Option<DateTime<Utc>>, Refusal> {
    let Some(time) = time else { return Ok(None) };
    u32::try_from(time.nanos)
        .ok()
        .and_then(|nanos| DateTime::from_timestamp(time.seconds, nanos))
        .map(Some)
        .ok_or_else(|| Refusal::invalid_field(field, "is not a valid time"))
}
