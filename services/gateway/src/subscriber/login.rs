//! `Login`: opens a session.

use std::mem::take;

use aikagi_api::authentication;
use aikagi_api::edge::v1::{LoginRequest, LoginResponse};
use aikagi_refusal::{ErrorReason, fields, forward, internal, reason_of};
use tonic::{Request, Response, Status};

use super::Subscriber;
use crate::device;
use crate::limit::ClientAttempts;
use crate::session_token::ClientSession;

/// LOGIN-1, SESS-3, SESS-7: opens a session. Of the client's device, only the class is passed on.
///
/// LOGIN-9: counts an attempt of the client's address at the number, and refunds it unless the login is refused. A
/// malformed number counts no attempt; authentication refuses it.
pub(super) async fn login(
    subscriber: &Subscriber,
    client: &ClientSession,
    request: Request<LoginRequest>,
) -> Result<Response<LoginResponse>, Status> {
    let attempts = request.extensions().get::<ClientAttempts>().cloned();
    let attempts = attempts.ok_or_else(|| internal("a request has no limit of attempts"))?;
    let device_class = device::class_of(request.metadata().as_ref());
    let mut request = request.into_inner();
    let number = fields::number("number", &request.number).ok();
    if let Some(number) = &number {
        attempts.take_at(number).await?;
    }
    let request = authentication::v1::LoginRequest {
        number: take(&mut request.number),
        password: take(&mut request.password),
        device_class: device_class.into(),
    };
    let response = subscriber.authentication().login(request).await;
    let reason = response.as_ref().err().and_then(reason_of);
    if reason == Some(ErrorReason::Overloaded) {
        subscriber.shedding.was_overloaded();
    }
    let refused = reason == Some(ErrorReason::LoginRefused);
    if let Some(number) = number.filter(|_| !refused) {
        attempts.refund_at(&number).await;
    }
    let mut opened = response.map_err(|status| forward(&status))?.into_inner();
    let session = opened.session.take();
    client.with_token(take(&mut opened.session_token), |session_token| {
        LoginResponse {
            session,
            session_token,
        }
    })
}
