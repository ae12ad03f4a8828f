//! `RotateSession`: gives a session a new token after its password was changed (SESS-2).

use aikagi_api::authentication::v1::{RotateSessionRequest, RotateSessionResponse};
use aikagi_domain::credential::Epoch;
use aikagi_refusal::{ErrorReason, Failure, Refusal};

use crate::Authentication;
use crate::sessions::digest_of;

pub(crate) async fn rotate_session(
    service: &Authentication,
    request: RotateSessionRequest,
) -> Result<RotateSessionResponse, Failure> {
    let now = service.clock.now();
    let digest = digest_of(&request.session_token)?;
    let ended = || Refusal::new(ErrorReason::SessionEnded);
    let stored = service.find(&digest, now, true).await?.ok_or_else(ended)?;
    if stored.record.epoch != Epoch(request.from_epoch) {
        return Err(ended().into());
    }
    // The record with the new epoch must pass all checks that the old record passed before the change.
    let rotated = stored
        .record
        .rotate(Epoch(request.to_epoch), &service.session_rules);
    service.check(&digest, &rotated, stored.used, now).await?;
    let (session_token, session) = service.begin_session(&rotated, now).await?;
    // The old token is already invalid, because its epoch is old. Without the removal its entry stays until it expires.
    if let Err(fault) = service.ttl.sessions().remove(&digest).await {
        Failure::from(fault).report();
    }
    Ok(RotateSessionResponse {
        session_token,
        session: Some(session),
    })
}
