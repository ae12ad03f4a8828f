//! An operator ends every session of an account (SESS-2, OPS-2).

use aikagi_api::authentication::v1::{EndSessionsRequest, EndSessionsResponse};
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Authentication;
use crate::measures;

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
        measures::ended();
        Ok(EndSessionsResponse {})
    } else {
        Err(Refusal::new(ErrorReason::LineNotFound).into())
    }
}
