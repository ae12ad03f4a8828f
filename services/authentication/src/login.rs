//! Login (LOGIN-1 to LOGIN-7).

use aikagi_api::authentication::v1::{LoginRequest, LoginResponse};
use aikagi_domain::credential::CredentialKind;
use aikagi_domain::password::TypedPassword;
use aikagi_domain::session::{ProvenAccount, SessionRecord};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_ledger::audit::AuditAction;
use aikagi_mesh::deadline;
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Authentication;
use crate::attempt::Tried;
use crate::measures;
use crate::store::Charge;

pub(crate) async fn login(
    service: &Authentication,
    mut request: LoginRequest,
) -> Result<LoginResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let password = fields::typed_password("password", &mut request.password)?;
    // INV-6: leave to hash comes before the charge; INV-11: and only in time.
    let permit = service.pool.permit(deadline::current()).await?;
    let service = service.clone();
    service
        .clone()
        .to_the_end(async move { service.prove(permit, number, password).await })
        .await
}

impl Authentication {
    async fn prove(
        &self,
        mut permit: aikagi_hashing::Permit,
        number: TelephoneNumber,
        password: TypedPassword,
    ) -> Result<LoginResponse, Failure> {
        let now = self.clock.now();
        let charge = Charge {
            number: &number,
            line_id: None,
        };
        let Some(tried) = self.attempt(&mut permit, charge, &password, now).await? else {
            // LOGIN-5, INV-10: whoever has nothing to try costs the same work.
            self.go_to_redis_alike(&number).await;
            permit
                .verify_decoy(aikagi_hashing::SecretBytes::from(password.expose()))
                .await?;
            drop(permit);
            self.store.note_refused_login(&number, now).await?;
            return Err(self.login_refused(None));
        };
        drop(permit);
        let kind = tried.charged.kind;
        let Some(record) = self.record_of(&number, &tried, now) else {
            if kind != CredentialKind::Temporary {
                self.go_to_redis_alike(&number).await;
            }
            self.store
                .settle_wrong(
                    &number,
                    &tried.charged,
                    AuditAction::Login,
                    &self.credential_rules,
                    now,
                )
                .await?;
            return Err(self.login_refused(Some(kind)));
        };
        // At once, for the session is nobody's yet; if the credential changed while we hashed, it is dead by its epoch.
        let (stored, settled) = tokio::join!(
            self.store_session(&record, now),
            self.store.settle_login(&number, &tried.charged, now),
        );
        // LOGIN-3. No row when the credential changed: that password is dead now.
        if !settled? {
            return Err(self.login_refused(Some(kind)));
        }
        let (session_token, session) = match self.open_session(&stored?, &record, now).await {
            // LOGIN-5, SESS-2: what ends sessions has ended this one before anybody had it.
            Err(Failure::Refused(refusal)) if refusal.reason() == ErrorReason::SessionEnded => {
                return Err(self.login_refused(Some(kind)));
            }
            opened => opened?,
        };
        measures::opened(kind);
        Ok(LoginResponse {
            session_token,
            session: Some(session),
        })
    }

    /// LOGIN-5, INV-10: every refusal goes the way to Redis that one of a temporary password has to go. What it finds
    /// there, or does not, is of no use.
    async fn go_to_redis_alike(&self, number: &TelephoneNumber) {
        let _nothing_of_use = self.ttl.temporary_passwords().get(number).await;
    }

    /// LOGIN-1: the session that a right password opens; none when it was wrong or the number may not log
    /// in under the line's unit (UNIT-1).
    fn record_of(
        &self,
        number: &TelephoneNumber,
        tried: &Tried,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Option<SessionRecord> {
        let charged = &tried.charged;
        let live = tried.right.filter(|_| charged.is_account)?;
        let proven = ProvenAccount {
            account: number.clone(),
            line_id: charged.line_id,
            epoch: charged.epoch,
            generation: charged.generation,
            last_login: charged.last_login,
            wrong_attempts: charged.wrong_attempts_before,
        };
        SessionRecord::open(proven, live, now, &self.session_rules)
    }

    /// LOGIN-5: the one refusal.
    fn login_refused(&self, kind: Option<CredentialKind>) -> Failure {
        measures::refused(kind);
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
