//! `Login`.

use std::mem::take;

use aikagi_api::authentication;
use aikagi_api::edge::v1::{LoginRequest, LoginResponse};
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::presented::Visit;

/// LOGIN-1: opens a session, and gives it to the client as SESS-3 has it.
pub(super) async fn login(
    subscriber: &Subscriber,
    visit: &Visit,
    mut request: LoginRequest,
) -> Result<Response<LoginResponse>, Status> {
    let request = authentication::v1::LoginRequest {
        number: take(&mut request.number),
        password: take(&mut request.password),
    };
    let answer = subscriber.authentication().login(request).await;
    let mut opened = answer.map_err(|status| forward(&status))?.into_inner();
    let session = opened.session.take();
    visit.give(take(&mut opened.session_token), |session_token| {
        LoginResponse {
            session,
            session_token,
        }
    })
}
