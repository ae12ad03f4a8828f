//! `CheckReuse`: a new password must differ from the account's current and last permanent password (PW-2).

use aikagi_api::authentication::v1::{CheckReuseRequest, CheckReuseResponse};
use aikagi_domain::credential::Epoch;
use aikagi_hashing::SecretBytes;
use aikagi_mesh::deadline;
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Authentication;
use crate::attempt::permanent;

pub(crate) async fn check_reuse(
    service: &Authentication,
    mut request: CheckReuseRequest,
) -> Result<CheckReuseResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let new_password = fields::typed_password("new_password", &mut request.new_password)?;
    let mut permit = service.pool.permit(deadline::current()).await?;
    let last = service
        .store
        .last_permanent(&number, Epoch(request.epoch))
        .await?
        .ok_or_else(|| Refusal::new(ErrorReason::ChangedMeanwhile))?;
    if let Some((sealed, epoch)) = last {
        let hash = service.keys.open_hash(permanent(&number, epoch), &sealed)?;
        if permit
            .verify(SecretBytes::from(new_password.expose()), &hash)
            .await?
        {
            return Err(Refusal::new(ErrorReason::PasswordReused)
                .field("new_password", "the current or the last permanent password")
                .into());
        }
    }
    Ok(CheckReuseResponse {})
}
