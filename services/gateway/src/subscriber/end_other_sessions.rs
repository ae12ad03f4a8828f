//! `EndOtherSessions`: ends all other sessions of the session's own account.

use aikagi_api::authentication;
use aikagi_api::edge::v1::EndOtherSessionsResponse;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// SESS-7: ends all other sessions. This session keeps its token.
pub(super) async fn end_other_sessions(
    subscriber: &Subscriber,
    client: &ClientSession,
) -> Result<Response<EndOtherSessionsResponse>, Status> {
    let request = authentication::v1::EndOtherSessionsRequest {
        session_token: client.token()?.as_str().to_owned(),
    };
    let response = subscriber
        .authentication()
        .end_other_sessions(request)
        .await;
    response.map_err(|status| forward(&status))?;
    Ok(Response::new(EndOtherSessionsResponse {}))
}
