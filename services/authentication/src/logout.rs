//! `Logout`: ends the session of a token (SESS-2).

use aikagi_api::authentication::v1::{LogoutRequest, LogoutResponse};
use aikagi_domain::session::SessionToken;
use aikagi_ledger::audit::AuditAction;
use aikagi_refusal::Failure;

use crate::Authentication;
use crate::metrics;

pub(crate) async fn logout(
    service: &Authentication,
    request: LogoutRequest,
) -> Result<LogoutResponse, Failure> {
    let Ok(token) = SessionToken::parse(&request.session_token) else {
        return Ok(LogoutResponse {});
    };
    let digest = token.digest();
    let now = service.clock.now();
    if let Some(stored) = service.find(&digest, now, true).await? {
        service
            .end_session(&digest, &stored.record, AuditAction::Logout, now)
            .await?;
        metrics::ended();
    }
    Ok(LogoutResponse {})
}
