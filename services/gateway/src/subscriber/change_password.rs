//! `ChangePassword`: changes the password of the session's account.

use std::mem::take;

use aikagi_api::edge::v1::{ChangePasswordRequest, ChangePasswordResponse};
use aikagi_api::password;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// PW-2, SESS-2: changes the password. The session continues with a new token. If it cannot continue, the response has
/// no session.
pub(super) async fn change_password(
    subscriber: &Subscriber,
    client: &ClientSession,
    mut request: ChangePasswordRequest,
) -> Result<Response<ChangePasswordResponse>, Status> {
    let request = password::v1::ChangePasswordRequest {
        session_token: client.token()?.as_str().to_owned(),
        current_password: take(&mut request.current_password),
        new_password: take(&mut request.new_password),
        new_password_confirmation: take(&mut request.new_password_confirmation),
        revision: take(&mut request.revision),
    };
    let response = subscriber.password().change_password(request).await;
    let mut changed = response.map_err(|status| forward(&status))?.into_inner();
    let session = changed.session.take();
    if changed.session_token.is_empty() {
        return client.without_token(ChangePasswordResponse {
            session: None,
            session_token: String::new(),
        });
    }
    client.with_token(take(&mut changed.session_token), |session_token| {
        ChangePasswordResponse {
            session,
            session_token,
        }
    })
}
