//! `ListOwnSessions`: lists the sessions of the session's own account.

use aikagi_api::authentication;
use aikagi_api::edge::v1::ListOwnSessionsResponse;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// SESS-7: lists the sessions.
pub(super) async fn list_own_sessions(
    subscriber: &Subscriber,
    client: &ClientSession,
) -> Result<Response<ListOwnSessionsResponse>, Status> {
    let request = authentication::v1::ListOwnSessionsRequest {
        session_token: client.token()?.as_str().to_owned(),
    };
    let response = subscriber.authentication().list_own_sessions(request).await;
    let listed = response.map_err(|status| forward(&status))?.into_inner();
    Ok(Response::new(ListOwnSessionsResponse {
        sessions: listed.sessions,
        more: listed.more,
    }))
}
