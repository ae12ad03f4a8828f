//! `ChangePassword`.

use std::mem::take;

use aikagi_api::edge::v1::{ChangePasswordRequest, ChangePasswordResponse};
use aikagi_api::password;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::presented::Visit;

/// PW-2, SESS-2: changes the password; the session goes on under a new token, if it could be carried on.
pub(super) async fn change_password(
    subscriber: &Subscriber,
    visit: &Visit,
    mut request: ChangePasswordRequest,
) -> Result<Response<ChangePasswordResponse>, Status> {
    let request = password::v1::ChangePasswordRequest {
        session_token: visit.token()?.as_str().to_owned(),
        current_password: take(&mut request.current_password),
        new_password: take(&mut request.new_password),
        new_password_confirmation: take(&mut request.new_password_confirmation),
        revision: take(&mut request.revision),
    };
    let answer = subscriber.password().change_password(request).await;
    let mut changed = answer.map_err(|status| forward(&status))?.into_inner();
    let session = changed.session.take();
    if changed.session_token.is_empty() {
        return visit.end(ChangePasswordResponse {
            session: None,
            session_token: String::new(),
        });
    }
    visit.give(take(&mut changed.session_token), |session_token| {
        ChangePasswordResponse {
            session,
            session_token,
        }
    })
}
