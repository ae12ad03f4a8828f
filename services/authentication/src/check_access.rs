//! Whether a session may change a number's settings (SESS-4).

use aikagi_api::authentication::v1::{CheckAccessRequest, CheckAccessResponse};
use aikagi_domain::session::Action;
use aikagi_mesh::errors::{ErrorReason, Refusal};
use aikagi_mesh::fields;

use crate::Authentication;
use crate::failure::Failure;

pub(crate) async fn check_access(
    service: &Authentication,
    request: CheckAccessRequest,
) -> Result<CheckAccessResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let live = service
        .live_session(&request.session_token, service.clock.now(), false)
        .await?;
    if !live.record.may(Action::ChangeSettings) {
        return Err(Refusal::new(ErrorReason::PasswordChangeRequired).into());
    }
    if !live.account.scope.contains(&number) {
        return Err(Refusal::new(ErrorReason::OutOfScope).into());
    }
    Ok(CheckAccessResponse {
        account_number: live.record.account.as_str().to_owned(),
    })
}
