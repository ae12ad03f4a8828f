//! `EndSessions`: ends all sessions of an account at an operator's request (SESS-2, OPS-2).

use aikagi_api::authentication::v1::{EndSessionsRequest, EndSessionsResponse};
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Authentication;
use crate::metrics;

pub(crate) async fn end_sessions(
    service: &Authentication,
    actor: &str,
    request: EndSessionsRequest,
) -> Result<EndSessionsResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    if service
        .store
        .end_sessions(&number, actor, service.clock.now())
        .await?
    {
        metrics::ended();
        Ok(EndSessionsResponse {})
    } else {
        Err(Refusal::new(ErrorReason::LineNotFound).into())
    }
}
