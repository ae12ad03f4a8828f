//! `Login`: opens a session with a telephone number and a password (LOGIN-1 to LOGIN-7, LOGIN-10).

use aikagi_api::authentication::v1::{LoginRequest, LoginResponse};
use aikagi_domain::credential::CredentialKind;
use aikagi_domain::password::TypedPassword;
use aikagi_domain::session::{DeviceClass, ProvenAccount, SessionRecord};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::audit::AuditAction;
use aikagi_mesh::deadline;
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Authentication;
use crate::attempt::VerifiedAttempt;
use crate::metrics;
use crate::store::Charge;

pub(crate) async fn login(
    service: &Authentication,
    mut request: LoginRequest,
) -> Result<LoginResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let password = fields::typed_password("password", &mut request.password)?;
    let device = DeviceClass::from(request.device_class());
    // INV-6: take the permit before the charge. INV-11: without a permit by the deadline, the login is refused.
    let permit = service.pool.permit(deadline::current()).await?;
    let service = service.clone();
    service
        .clone()
        .uninterrupted(async move {
            service
                .verify_and_open(permit, number, password, device)
                .await
        })
        .await
}

impl Authentication {
    async fn verify_and_open(
        &self,
        mut permit: aikagi_hashing::Permit,
        number: TelephoneNumber,
        password: TypedPassword,
        device: DeviceClass,
    ) -> Result<LoginResponse, Failure> {
        let now = self.clock.now();
        let charge = Charge::of(&number, None);
        let Some(attempt) = self.attempt(&mut permit, charge, &password, now).await? else {
            // LOGIN-5, INV-10: a refusal without an attempt does the same work as one with an attempt.
            self.compare_with_decoy(&mut permit, &password).await?;
            drop(permit);
            self.store.note_refused_login(&number, now).await?;
            return Err(self.login_refused(None));
        };
        let renewed = self
            .renewed_hash(&mut permit, &number, &attempt, &password)
            .await;
        drop(permit);
        let kind = attempt.charged.kind;
        let Some(record) = self.record_of(&number, &attempt, device, now) else {
            self.store
                .settle_wrong(
                    &number,
                    &attempt.charged,
                    AuditAction::Login,
                    &self.credential_rules,
                    now,
                )
                .await?;
            return Err(self.login_refused(Some(kind)));
        };
        // The session is stored and the attempt is settled in parallel, because nobody has the token yet. If the
        // credential changed while the hash was computed, the session has an old epoch and is invalid.
        let (stored, settled) = tokio::join!(
            self.store_session(&record, now),
            self.store.settle_login(&number, &attempt.charged, now),
        );
        // LOGIN-3: a right password never counts as a wrong attempt.
        if settled.is_err() {
            let charge = attempt.charged.open_charge(&number);
            self.refunds.refund(charge).await;
        }
        // False if the credential has changed since the charge: this password is no longer valid.
        if !settled? {
            return Err(self.login_refused(Some(kind)));
        }
        if let Some(renewed) = renewed {
            // If this fails, the old hash stays valid, and a later login renews it.
            let stored = self
                .store
                .renew_hash(&number, &attempt.charged, &renewed, now);
            metrics::renewed(stored.await.unwrap_or(false));
        }
        let (session_token, session) = match self.open_session(&stored?, &record, now).await {
            // LOGIN-5, SESS-2: the session was ended before its token was sent.
            Err(Failure::Refused(refusal)) if refusal.reason() == ErrorReason::SessionEnded => {
                return Err(self.login_refused(Some(kind)));
            }
            opened => opened?,
        };
        metrics::opened(kind);
        Ok(LoginResponse {
            session_token,
            session: Some(session),
        })
    }

    /// LOGIN-1: the session that a right password opens. `None` if the password is wrong, or if the number is not an
    /// account in the line's unit (UNIT-1).
    fn record_of(
        &self,
        number: &TelephoneNumber,
        attempt: &VerifiedAttempt,
        device: DeviceClass,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Option<SessionRecord> {
        let charged = &attempt.charged;
        let live = attempt.right.filter(|_| charged.is_account)?;
        let proven = ProvenAccount {
            account: number.clone(),
            line_id: charged.line_id,
            epoch: charged.epoch,
            generation: charged.generation,
            last_login: charged.last_login,
            wrong_attempts: charged.wrong_attempts_before,
            device,
        };
        SessionRecord::open(proven, live, now, &self.session_rules)
    }

    /// LOGIN-5: the refusal of a login. It is the same in all cases.
    fn login_refused(&self, kind: Option<CredentialKind>) -> Failure {
        metrics::refused(kind);
        Refusal::new(ErrorReason::LoginRefused)
            .saying(
                "temporary_attempts",
                self.credential_rules.temporary_attempts,
            )
            .saying(
                "permanent_attempts",
                self.credential_rules.permanent_attempts,
            )
            .into()
    }
}
