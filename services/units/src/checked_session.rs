//! Asks authentication whether the session of a request is live.

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{CheckSessionRequest, Session};
use aikagi_domain::credential::Epoch;
use aikagi_domain::fault::InternalFault;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_mesh::client::Upstream;
use aikagi_refusal::Failure;

/// A live session. The account or its line may have changed since the check.
pub(crate) struct CheckedSession {
    pub(crate) account: TelephoneNumber,
    /// The epoch of the credential that opened the session.
    pub(crate) epoch: Epoch,
    /// True for a must-change session.
    pub(crate) must_change: bool,
    /// The session as authentication sees it.
    pub(crate) session: Session,
}

/// Reads the live session of a token from authentication. This counts as use of the session.
///
/// Fails as `CheckSession` does.
pub(crate) async fn check(
    authentication: &AuthenticationServiceClient<Upstream>,
    token: &str,
) -> Result<CheckedSession, Failure> {
    let request = CheckSessionRequest {
        session_token: token.to_owned(),
        peek: false,
    };
    let response = authentication.clone().check_session(request).await;
    let checked = response
        .map_err(|status| Failure::forwarded(&status))?
        .into_inner();
    let session = checked
        .session
        .ok_or(InternalFault("CheckSession returned no session"))?;
    let account = TelephoneNumber::parse(&session.account_number)
        .map_err(|_malformed| InternalFault("CheckSession returned a malformed number"))?;
    Ok(CheckedSession {
        account,
        epoch: Epoch(checked.epoch),
        // Also true for a reason that this version does not know.
        must_change: session.must_change_reason != 0,
        session,
    })
}
