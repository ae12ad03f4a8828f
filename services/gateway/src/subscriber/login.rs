//! `Login`: opens a session.

use std::mem::take;

use aikagi_api::authentication;
use aikagi_api::edge::v1::{LoginRequest, LoginResponse};
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// LOGIN-1, SESS-3: opens a session.
pub(super) async fn login(
    subscriber: &Subscriber,
    client: &ClientSession,
    mut request: LoginRequest,
) -> Result<Response<LoginResponse>, Status> {
    let request = authentication::v1::LoginRequest {
        number: take(&mut request.number),
        password: take(&mut request.password),
    };
    let response = subscriber.authentication().login(request).await;
    let mut opened = response.map_err(|status| forward(&status))?.into_inner();
    let session = opened.session.take();
    client.with_token(take(&mut opened.session_token), |session_token| {
        LoginResponse {
            session,
            session_token,
        }
    })
}
