//! `CheckSession`: returns the live session of a token (SESS-1 to SESS-3, SESS-6).

use aikagi_api::authentication::v1::{CheckSessionRequest, CheckSessionResponse};
use aikagi_refusal::Failure;

use crate::Authentication;

pub(crate) async fn check_session(
    service: &Authentication,
    request: CheckSessionRequest,
) -> Result<CheckSessionResponse, Failure> {
    let now = service.clock.now();
    let live = service
        .live_session(&request.session_token, now, request.peek)
        .await?;
    Ok(CheckSessionResponse {
        epoch: live.record.epoch.0,
        session: Some(service.view(&live, now)),
    })
}
