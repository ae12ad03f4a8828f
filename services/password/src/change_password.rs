//! `ChangePassword`: changes the password of a session's account (PW-2, PW-4, PW-5).

use std::sync::LazyLock;

use aikagi_api::authentication::v1::{
    CheckReuseRequest, CheckSessionRequest, MustChangeReason, RotateSessionRequest,
    VerifyPasswordRequest,
};
use aikagi_api::password::v1::{ChangePasswordRequest, ChangePasswordResponse};
use aikagi_domain::credential::Epoch;
use aikagi_domain::fault::InternalFault;
use aikagi_domain::password::{NewPassword, TypedPassword};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::SecretBytes;
use aikagi_hashing::seal::Context;
use aikagi_mesh::deadline;
use aikagi_mesh::telemetry::metrics::{Counter, KeyValue, counter};
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};
use zeroize::Zeroizing;

use crate::Password;
use crate::new_password::parse_new_password;

static CHANGED: LazyLock<Counter<u64>> =
    LazyLock::new(|| counter("aikagi.passwords.changed", "Permanent passwords set."));

/// The session in which a password is changed.
struct ChangeSession {
    token: Zeroizing<String>,
    account: TelephoneNumber,
    /// The epoch of the credential that opened the session. Only this credential may be changed.
    epoch: Epoch,
    revision: String,
    /// The reason why the session must change its password, for the metric. `none` for a full session.
    change_reason: &'static str,
}

pub(crate) async fn change_password(
    service: &Password,
    mut request: ChangePasswordRequest,
) -> Result<ChangePasswordResponse, Failure> {
    let current = fields::typed_password("current_password", &mut request.current_password)?;
    let token = Zeroizing::new(std::mem::take(&mut request.session_token));
    let session = service.session(token).await?;
    // The change now runs to its end, even if the RPC is cancelled.
    let worker = service.clone();
    service
        .shutdown
        .carry_through(async move { worker.change(&session, &request, &current).await })
        .await
        .unwrap_or(Err(InternalFault(
            "the task of a password change ended without a result",
        )
        .into()))
}

/// OPS-3: true if the reason is a decision about the subscriber's request, and not a fault. Only decisions get an audit
/// event.
fn is_decision(reason: ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::StaleView
            | ErrorReason::PasswordMismatch
            | ErrorReason::PasswordPolicy
            | ErrorReason::PasswordReused
            | ErrorReason::PasswordWrong
            | ErrorReason::PasswordDead
            | ErrorReason::ChangedMeanwhile
    )
}

/// PW-5: turns a conflict in the ledger into `CHANGED_MEANWHILE`, because another change came first.
fn changed_meanwhile(failure: impl Into<Failure>) -> Failure {
    failure.into().conflict_as(ErrorReason::ChangedMeanwhile)
}

impl Password {
    async fn session(&self, token: Zeroizing<String>) -> Result<ChangeSession, Failure> {
        let request = CheckSessionRequest {
            session_token: token.to_string(),
            peek: false,
        };
        let response = self.authentication.clone().check_session(request).await;
        let checked = response
            .map_err(|status| Failure::forwarded(&status))?
            .into_inner();
        let mut session = checked
            .session
            .ok_or(InternalFault("CheckSession returned no session"))?;
        let account = TelephoneNumber::parse(&session.account_number)
            .map_err(|_malformed| InternalFault("CheckSession returned a malformed number"))?;
        Ok(ChangeSession {
            token,
            account,
            epoch: Epoch(checked.epoch),
            change_reason: match session.must_change_reason() {
                MustChangeReason::Unspecified => "none",
                MustChangeReason::Temporary => "temporary",
                MustChangeReason::Expired => "expired",
            },
            revision: std::mem::take(&mut session.revision),
        })
    }

    async fn change(
        &self,
        session: &ChangeSession,
        request: &ChangePasswordRequest,
        current: &TypedPassword,
    ) -> Result<ChangePasswordResponse, Failure> {
        let done = self.decide_and_change(session, request, current).await;
        let done = done.map_err(Refusal::from);
        if let Err(refusal) = &done
            && is_decision(refusal.reason())
        {
            self.store
                .note_refusal(&session.account, refusal.reason_name(), self.clock.now())
                .await
                .map_err(changed_meanwhile)?;
        }
        Ok(done?)
    }

    async fn decide_and_change(
        &self,
        session: &ChangeSession,
        request: &ChangePasswordRequest,
        current: &TypedPassword,
    ) -> Result<ChangePasswordResponse, Failure> {
        // SESS-5: the page that sent the request has not seen the latest change.
        if request.revision != session.revision {
            return Err(Refusal::new(ErrorReason::StaleView).into());
        }
        let new = parse_new_password(
            &request.new_password,
            &request.new_password_confirmation,
            current,
            &self.policy,
        )?;
        self.verify(session, current).await?;
        self.check_reuse(session, &new).await?;
        let mut permit = self.pool.permit(deadline::current()).await?;
        let hash = permit.hash(SecretBytes::from(new.expose())).await?;
        drop(permit);
        let number = &session.account;
        let seal = |epoch| {
            self.keys
                .seal_hash(Context::Permanent { number, epoch }, &hash)
        };
        let now = self.clock.now();
        let changed = self.store.change(number, session.epoch, seal, now).await;
        let epoch = changed.map_err(changed_meanwhile)?;
        CHANGED.add(
            1,
            &[KeyValue::new("aikagi.change.reason", session.change_reason)],
        );
        Ok(self.rotate(session, epoch).await)
    }

    /// PW-2, LOGIN-6: verifies the current password of the session's account.
    async fn verify(
        &self,
        session: &ChangeSession,
        current: &TypedPassword,
    ) -> Result<(), Failure> {
        let request = VerifyPasswordRequest {
            session_token: session.token.to_string(),
            number: session.account.as_str().to_owned(),
            password: text(current.expose()),
        };
        let response = self.authentication.clone().verify_password(request).await;
        let verified = response.map_err(|status| match Failure::forwarded(&status) {
            // The field has another name in this service's request.
            Failure::Refused(refusal) if refusal.reason() == ErrorReason::PasswordWrong => {
                Refusal::new(ErrorReason::PasswordWrong)
                    .field("current_password", "wrong")
                    .into()
            }
            failure => failure,
        })?;
        // INV-1: a right password is not enough if the credential has changed since the session was opened.
        if Epoch(verified.into_inner().epoch) != session.epoch {
            return Err(Refusal::new(ErrorReason::ChangedMeanwhile).into());
        }
        Ok(())
    }

    /// PW-2: checks that the new password differs from the last permanent password, even if that one was retired or
    /// killed.
    async fn check_reuse(&self, session: &ChangeSession, new: &NewPassword) -> Result<(), Failure> {
        let request = CheckReuseRequest {
            number: session.account.as_str().to_owned(),
            epoch: session.epoch.0,
            new_password: text(new.expose()),
        };
        let response = self.authentication.clone().check_reuse(request).await;
        response.map_err(|status| Failure::forwarded(&status))?;
        Ok(())
    }

    /// SESS-2: continues the session with a new token. If this fails, the password is already changed. Then the
    /// response has no session, and the subscriber must log in again.
    async fn rotate(&self, session: &ChangeSession, to_epoch: Epoch) -> ChangePasswordResponse {
        let request = RotateSessionRequest {
            session_token: session.token.to_string(),
            from_epoch: session.epoch.0,
            to_epoch: to_epoch.0,
        };
        match self.authentication.clone().rotate_session(request).await {
            Ok(response) => {
                let mut rotated = response.into_inner();
                ChangePasswordResponse {
                    session_token: std::mem::take(&mut rotated.session_token),
                    session: rotated.session.take(),
                }
            }
            Err(status) => {
                let refusal = Refusal::from(Failure::forwarded(&status));
                tracing::warn!(
                    reason = refusal.reason_name(),
                    "session not continued after a change of password"
                );
                ChangePasswordResponse::default()
            }
        }
    }
}

/// Converts a password to the string of a message. The password was typed as text, so this loses nothing.
fn text(password: &[u8]) -> String {
    String::from_utf8_lossy(password).into_owned()
}
