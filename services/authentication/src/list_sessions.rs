//! `ListSessions`: lists the live sessions of an account, for operators (OPS-2).

use aikagi_api::authentication::v1::{
    ListSessionsRequest, ListSessionsResponse, MustChangeReason, OpenSession,
};
use aikagi_api::timestamp;
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Authentication;
use crate::sessions::StoredSession;

pub(crate) async fn list_sessions(
    service: &Authentication,
    request: ListSessionsRequest,
) -> Result<ListSessionsResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let now = service.clock.now();
    if !service.store.is_on_a_line(&number).await? {
        return Err(Refusal::new(ErrorReason::LineNotFound).into());
    }
    let digests = service.ttl.sessions().of(&number).await?;
    let mut sessions = service.live_among(&digests, now).await?;
    sessions.sort_by_key(|(_, stored)| stored.record.opened);
    let sessions = sessions.into_iter();
    let sessions = sessions.map(|(_, StoredSession { record, used })| OpenSession {
        open_time: Some(timestamp(record.opened)),
        idle_expire_time: Some(timestamp(
            service.session_rules.idle_expires(used).min(record.ends),
        )),
        expire_time: Some(timestamp(record.ends)),
        must_change_reason: record
            .must_change
            .map_or(MustChangeReason::Unspecified, MustChangeReason::from)
            .into(),
    });
    Ok(ListSessionsResponse {
        sessions: sessions.collect(),
    })
}
