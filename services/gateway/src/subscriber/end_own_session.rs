//! `EndOwnSession`: ends one other session of the session's own account.

use aikagi_api::authentication;
use aikagi_api::edge::v1::{EndOwnSessionRequest, EndOwnSessionResponse};
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// SESS-7: ends the session that the request names.
pub(super) async fn end_own_session(
    subscriber: &Subscriber,
    client: &ClientSession,
    request: EndOwnSessionRequest,
) -> Result<Response<EndOwnSessionResponse>, Status> {
    let request = authentication::v1::EndOwnSessionRequest {
        session_token: client.token()?.as_str().to_owned(),
        session_id: request.session_id,
    };
    let response = subscriber.authentication().end_own_session(request).await;
    response.map_err(|status| forward(&status))?;
    Ok(Response::new(EndOwnSessionResponse {}))
}
