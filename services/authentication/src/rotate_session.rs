//! The session in which the password was changed goes on under a new token (SESS-2).

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
    let found = service.find(&digest, now, true).await?.ok_or_else(ended)?;
    if found.record.epoch != Epoch(request.from_epoch) {
        return Err(ended().into());
    }
    // Under its new epoch the record passes every check that the old one did, but for the change itself.
    let rotated = found
        .record
        .rotate(Epoch(request.to_epoch), &service.session_rules);
    service.check(&digest, &rotated, found.used, now).await?;
    let (session_token, session) = service.begin_session(&rotated, now).await?;
    // The old token is dead by its epoch; this only tidies up.
    if let Err(error) = service.ttl.sessions().remove(&digest).await {
        tracing::warn!(%error, "a dead session stays in Redis until it expires");
    }
    Ok(RotateSessionResponse {
        session_token,
        session: Some(session),
    })
}
