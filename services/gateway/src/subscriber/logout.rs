//! `Logout`: ends the session.

use aikagi_api::authentication;
use aikagi_api::edge::v1::LogoutResponse;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// SESS-2: ends the session. Without a well-formed token, the RPC does nothing and succeeds. If the session cannot be
/// ended, a browser keeps its cookie and can try again.
pub(super) async fn logout(
    subscriber: &Subscriber,
    client: &ClientSession,
) -> Result<Response<LogoutResponse>, Status> {
    if let Ok(token) = client.token() {
        let request = authentication::v1::LogoutRequest {
            session_token: token.as_str().to_owned(),
        };
        let response = subscriber.authentication().logout(request).await;
        response.map_err(|status| forward(&status))?;
    }
    client.without_token(LogoutResponse {})
}
