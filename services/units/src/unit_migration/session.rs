//! The code that both RPCs share. It reads the session and its line, and decides which unit migration is offered.

use aikagi_api::units::v1;
use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use aikagi_domain::unit_migration::{NotOffered, UnitMigrationPlan, is_ready, revision};
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::UnitMigration;
use crate::checked_session;
use crate::store::lines::LineWithCredentials;

/// The session in which a unit is changed.
pub(super) struct MigrationSession {
    pub(super) token: Zeroizing<String>,
    pub(super) account: TelephoneNumber,
    /// The epoch of the credential that opened the session.
    pub(super) epoch: Epoch,
    must_change: bool,
}

/// A unit migration that is offered to a session, for the present state of the line.
pub(super) struct Offer {
    pub(super) line: LineWithCredentials,
    pub(super) plan: UnitMigrationPlan,
    /// The revision of this state (SESS-5).
    pub(super) revision: String,
    /// MIG-5: the required accounts without a live permanent password.
    pub(super) unready: Vec<TelephoneNumber>,
}

/// Reads the new unit.
pub(super) fn parse_unit(unit: i32) -> Result<AuthUnit, Refusal> {
    v1::AuthUnit::try_from(unit)
        .ok()
        .and_then(|unit| AuthUnit::try_from(unit).ok())
        .ok_or_else(|| Refusal::invalid_field("unit", "must be LINE, NUMBER or ADMIN_USER"))
}

impl UnitMigration {
    /// Reads the live session of a token from authentication.
    pub(super) async fn session(
        &self,
        token: Zeroizing<String>,
    ) -> Result<MigrationSession, Failure> {
        let checked = checked_session::check(&self.authentication, &token).await?;
        Ok(MigrationSession {
            token,
            account: checked.account,
            epoch: checked.epoch,
            must_change: checked.must_change,
        })
    }

    /// MIG-1, MIG-2, MIG-7, MIG-8: plans a unit migration to this unit.
    ///
    /// Fails with `PASSWORD_CHANGE_REQUIRED` in a must-change session, and with `MIGRATION_NOT_OFFERED` or
    /// `LINE_TOO_LARGE` if the line cannot change to this unit. Fails with `SESSION_ENDED` if the session's credential
    /// has changed.
    pub(super) async fn offer(
        &self,
        session: &MigrationSession,
        to: AuthUnit,
        now: DateTime<Utc>,
    ) -> Result<Offer, Failure> {
        if session.must_change {
            return Err(Refusal::new(ErrorReason::PasswordChangeRequired).into());
        }
        // INV-1: after the check of the session, the credential may have changed or the number may have left its line.
        let line = self.store.line_of(&session.account).await?.filter(|line| {
            let credential = line.credential(&session.account);
            credential.is_some_and(|credential| credential.epoch == session.epoch)
                && !line.stored.line.closed
        });
        let line = line.ok_or_else(|| Refusal::new(ErrorReason::SessionEnded))?;
        let plan = UnitMigrationPlan::new(&line.stored.line, to).map_err(not_offered)?;
        self.check_size(&plan)?;
        let accounts = plan
            .required_numbers
            .iter()
            .filter_map(|number| Some((number, line.credential(number)?)));
        let unready = accounts
            .clone()
            .filter(|(_, credential)| !is_ready(credential, now, &self.credential_rules))
            .map(|(number, _)| number.clone())
            .collect();
        let epochs = accounts.map(|(_, credential)| credential.epoch);
        let revision = revision(line.stored.line.version, epochs);
        Ok(Offer {
            line,
            plan,
            revision,
            unready,
        })
    }

    /// MIG-8: refuses a line that has too many accounts before or after the change.
    fn check_size(&self, plan: &UnitMigrationPlan) -> Result<(), Refusal> {
        let accounts = plan.required_numbers.len().max(plan.logins.len());
        let limit = self.bounds.max_accounts;
        if accounts <= limit {
            return Ok(());
        }
        Err(Refusal::new(ErrorReason::LineTooLarge)
            .with("accounts", accounts.to_string())
            .with("limit", limit.to_string()))
    }
}

fn not_offered(why: NotOffered) -> Refusal {
    let refusal = Refusal::new(ErrorReason::MigrationNotOffered);
    let refusal = match why.from {
        Some(from) => refusal.with("from", from.as_str()),
        None => refusal,
    };
    refusal.with("to", why.to.as_str())
}
