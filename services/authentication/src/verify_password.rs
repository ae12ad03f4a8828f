//! `VerifyPassword`: checks a password that was typed in a session, not at login (LOGIN-6).

use aikagi_api::authentication::v1::{VerifyPasswordRequest, VerifyPasswordResponse};
use aikagi_api::units::v1::CredentialKind;
use aikagi_domain::password::TypedPassword;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::Permit;
use aikagi_ledger::audit::AuditAction;
use aikagi_mesh::deadline;
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Authentication;
use crate::sessions::{LiveSession, digest_of};
use crate::store::Charge;

pub(crate) async fn verify_password(
    service: &Authentication,
    mut request: VerifyPasswordRequest,
) -> Result<VerifyPasswordResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let password = fields::typed_password("password", &mut request.password)?;
    let now = service.clock.now();
    let session = service
        .live_session(&request.session_token, now, false)
        .await?;
    let digest = digest_of(&request.session_token)?;
    let permit = service.pool.permit(deadline::current()).await?;
    let service = service.clone();
    service
        .clone()
        .uninterrupted(async move {
            service
                .verify_in_session(permit, &digest, &session, &number, &password)
                .await
        })
        .await
}

impl Authentication {
    async fn verify_in_session(
        &self,
        mut permit: Permit,
        digest: &TokenDigest,
        session: &LiveSession,
        number: &TelephoneNumber,
        password: &TypedPassword,
    ) -> Result<VerifyPasswordResponse, Failure> {
        let now = self.clock.now();
        // Only numbers of the session's line: a session cannot charge attempts to other lines.
        let charge = Charge::of(number, Some(session.record.line_id));
        let Some(attempt) = self.attempt(&mut permit, charge, password, now).await? else {
            return Err(Refusal::new(ErrorReason::PasswordDead).into());
        };
        drop(permit);
        let charged = &attempt.charged;
        if attempt.right.is_some() {
            let settled = self.store.settle_verified(number, charged, now).await;
            // LOGIN-6: a right password never counts.
            if settled.is_err() {
                self.refunds.refund(charged.open_charge(number)).await;
            }
            if !settled? {
                return Err(Refusal::new(ErrorReason::ChangedMeanwhile).into());
            }
            let kind = CredentialKind::from(charged.kind);
            return Ok(VerifyPasswordResponse {
                epoch: charged.epoch.0,
                kind: kind.into(),
            });
        }
        let killed = self
            .store
            .settle_wrong(
                number,
                charged,
                AuditAction::VerifyPassword,
                &self.credential_rules,
                now,
            )
            .await?;
        if killed {
            // SESS-2: a session that uses the last attempt of a password ends.
            self.end_session(digest, &session.record, AuditAction::Logout, now)
                .await?;
            return Err(Refusal::new(ErrorReason::PasswordDead).into());
        }
        Err(Refusal::new(ErrorReason::PasswordWrong)
            .field("password", "wrong")
            .into())
    }
}
