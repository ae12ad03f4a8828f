//! `EndOwnSession`: ends one other session of the session's own account (SESS-2, SESS-7).

use aikagi_api::authentication::v1::{EndOwnSessionRequest, EndOwnSessionResponse};
use aikagi_domain::session::{SessionAction, SessionId, SessionRecord};
use aikagi_ledger::audit::AuditAction;
use aikagi_refusal::{ErrorReason, Failure, Refusal};

use crate::Authentication;
use crate::metrics;

pub(crate) async fn end_own_session(
    service: &Authentication,
    request: EndOwnSessionRequest,
) -> Result<EndOwnSessionResponse, Failure> {
    let invalid = |why| Refusal::invalid_field("session_id", why);
    let id = SessionId::parse(&request.session_id)
        .map_err(|_malformed| invalid("is not the id of a session"))?;
    let now = service.clock.now();
    let action = SessionAction::ManageSessions;
    let own = service
        .full_session(&request.session_token, action, now)
        .await?;
    if own.digest.session_id() == id {
        return Err(invalid("is the session of the request").into());
    }
    let stale = || Refusal::new(ErrorReason::StaleView);
    let digests = service.ttl.sessions().of(&own.record.account).await?;
    let digest = digests.into_iter().find(|digest| digest.session_id() == id);
    let digest = digest.ok_or_else(stale)?;
    let ended = match service.find(&digest, now, true).await? {
        Some(stored) => stored.record,
        // INV-3: Redis no longer has the session, but a stale replica may still have it. So the ledger records the end
        // for as long as any session can last.
        None => SessionRecord {
            ends: service.session_rules.longest_expires(now),
            ..own.record.clone()
        },
    };
    // A changed list in Redis must not end a session of another account.
    if ended.account != own.record.account {
        return Err(stale().into());
    }
    service
        .end_session(&digest, &ended, AuditAction::EndSession, now)
        .await?;
    metrics::ended();
    Ok(EndOwnSessionResponse {})
}
