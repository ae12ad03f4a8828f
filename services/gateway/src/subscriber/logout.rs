//! `Logout`.

use aikagi_api::authentication;
use aikagi_api::edge::v1::LogoutResponse;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::presented::Visit;

/// SESS-2: ends the session. Without one that could be any, there is nothing to end. A browser keeps its cookie
/// when the session could not be ended, to try again.
pub(super) async fn logout(
    subscriber: &Subscriber,
    visit: &Visit,
) -> Result<Response<LogoutResponse>, Status> {
    if let Ok(token) = visit.token() {
        let request = authentication::v1::LogoutRequest {
            session_token: token.as_str().to_owned(),
        };
        let answer = subscriber.authentication().logout(request).await;
        answer.map_err(|status| forward(&status))?;
    }
    visit.end(LogoutResponse {})
}
