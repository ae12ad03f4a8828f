//! `CheckAccess`: checks that a session may change the settings of a number (SESS-4).

use std::time::Duration;

use aikagi_api::authentication::v1::{CheckAccessRequest, CheckAccessResponse};
use aikagi_domain::session::SessionAction;
use aikagi_ledger::audit::Noted;
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Authentication;
use crate::sessions::digest_of;

/// The time between two repeated refusals of one session (OPS-6).
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn check_access(
    service: &Authentication,
    request: CheckAccessRequest,
) -> Result<CheckAccessResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let now = service.clock.now();
    let live = service
        .live_session(&request.session_token, now, false)
        .await?;
    let refused = if !live.record.may(SessionAction::ChangeSettings) {
        Some(ErrorReason::PasswordChangeRequired)
    } else if !live.account.scope.contains(&number) {
        Some(ErrorReason::OutOfScope)
    } else {
        None
    };
    if let Some(reason) = refused {
        let refusal = Refusal::new(reason);
        let name = refusal.reason_name();
        let noted = service
            .store
            .note_refused_access(&live.record, name, now)
            .await?;
        if noted == Noted::Counted {
            // The session's other checks wait, too. Otherwise repeated questions take the processor from other sessions.
            let digest = digest_of(&request.session_token)?;
            if let Ok(_turn) = service.turns.wait(&digest).await {
                tokio::time::sleep(PAUSE).await;
            }
        }
        return Err(refusal.into());
    }
    Ok(CheckAccessResponse {
        account_number: live.record.account.as_str().to_owned(),
    })
}
