//! `GetSession`: returns the present session.

use aikagi_api::authentication;
use aikagi_api::edge::v1::{GetSessionRequest, GetSessionResponse};
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// SESS-1, SESS-6: returns the present session.
pub(super) async fn get_session(
    subscriber: &Subscriber,
    client: &ClientSession,
    request: GetSessionRequest,
) -> Result<Response<GetSessionResponse>, Status> {
    let request = authentication::v1::CheckSessionRequest {
        session_token: client.token()?.as_str().to_owned(),
        peek: request.peek,
    };
    let response = subscriber.authentication().check_session(request).await;
    let session = response
        .map_err(|status| forward(&status))?
        .into_inner()
        .session;
    Ok(Response::new(GetSessionResponse { session }))
}
