//! `EndOtherSessions`: ends all sessions of the session's own account, except the session itself (SESS-2, SESS-7).
//!
//! A new generation of sessions ends them all, whether Redis lists them or not. Then the session itself is stored again
//! with the new generation. If that fails, it has ended, too.

use aikagi_api::authentication::v1::{EndOtherSessionsRequest, EndOtherSessionsResponse};
use aikagi_domain::session::{SessionAction, SessionRecord};
use aikagi_refusal::{ErrorReason, Failure, Refusal};

use crate::Authentication;
use crate::metrics;
use crate::sessions::FullSession;

pub(crate) async fn end_other_sessions(
    service: &Authentication,
    request: EndOtherSessionsRequest,
) -> Result<EndOtherSessionsResponse, Failure> {
    let now = service.clock.now();
    let action = SessionAction::ManageSessions;
    let own = service
        .full_session(&request.session_token, action, now)
        .await?;
    let service = service.clone();
    // If the client goes away between the two writes, its session must not end.
    service
        .clone()
        .uninterrupted(async move { service.continue_alone(&own, now).await })
        .await
}

impl Authentication {
    async fn continue_alone(
        &self,
        own: &FullSession,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<EndOtherSessionsResponse, Failure> {
        let begun = self
            .store
            .end_other_sessions(&own.digest, &own.record, now)
            .await?;
        // The session has ended since it was checked. It must not begin again.
        let generation = begun.ok_or_else(|| Refusal::new(ErrorReason::SessionEnded))?;
        metrics::ended();
        let record = SessionRecord {
            generation,
            ..own.record.clone()
        };
        self.put_session(&own.digest, &record, now).await?;
        Ok(EndOtherSessionsResponse {})
    }
}
