//! Where a migration begins: the session, the line that it is on, and what is asked of that line.

use aikagi_api::authentication::v1::CheckSessionRequest;
use aikagi_api::units::v1;
use aikagi_domain::credential::Epoch;
use aikagi_domain::fault::InternalFault;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use aikagi_domain::unit_migration::{NotOffered, UnitMigrationPlan, is_ready, revision};
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::Migrations;
use crate::store::lines::FoundLine;

/// The session in which a unit is changed.
pub(super) struct Opened {
    pub(super) token: Zeroizing<String>,
    pub(super) account: TelephoneNumber,
    /// The credential that it was opened under.
    pub(super) epoch: Epoch,
    must_change: bool,
}

/// A migration that is offered to a session, on the line as it stands.
pub(super) struct Offer {
    pub(super) seen: FoundLine,
    pub(super) plan: UnitMigrationPlan,
    /// The state that this shows (SESS-5).
    pub(super) revision: String,
    /// MIG-5: the accounts asked for that have no live permanent password.
    pub(super) unready: Vec<TelephoneNumber>,
}

/// The unit wanted.
pub(super) fn wanted(unit: i32) -> Result<AuthUnit, Refusal> {
    v1::AuthUnit::try_from(unit)
        .ok()
        .and_then(|unit| AuthUnit::try_from(unit).ok())
        .ok_or_else(|| Refusal::invalid_field("unit", "not a unit"))
}

impl Migrations {
    /// The live session of a token.
    pub(super) async fn session(&self, token: Zeroizing<String>) -> Result<Opened, Failure> {
        let request = CheckSessionRequest {
            session_token: token.to_string(),
            peek: false,
        };
        let answer = self.authentication.clone().check_session(request).await;
        let checked = answer
            .map_err(|status| Failure::forwarded(&status))?
            .into_inner();
        let session = checked.session.ok_or(InternalFault("no session"))?;
        let account = TelephoneNumber::parse(&session.account_number)
            .map_err(|_malformed| InternalFault("a session of a malformed number"))?;
        Ok(Opened {
            token,
            account,
            epoch: Epoch(checked.epoch),
            // A reason that this version does not know is one all the same.
            must_change: session.must_change_reason != 0,
        })
    }

    /// MIG-1, MIG-2, MIG-7: what a session is offered that wants this unit.
    pub(super) async fn offer(
        &self,
        session: &Opened,
        to: AuthUnit,
        now: DateTime<Utc>,
    ) -> Result<Offer, Failure> {
        if session.must_change {
            return Err(Refusal::new(ErrorReason::PasswordChangeRequired).into());
        }
        // INV-1: between the check and this look the account may have changed, or be on another line.
        let seen = self.store.line_of(&session.account).await?.filter(|seen| {
            let credential = seen.credential(&session.account);
            credential.is_some_and(|credential| credential.epoch == session.epoch)
                && !seen.stored.line.closed
        });
        let seen = seen.ok_or_else(|| Refusal::new(ErrorReason::SessionEnded))?;
        let plan = UnitMigrationPlan::new(&seen.stored.line, to).map_err(not_offered)?;
        let accounts = plan
            .required_numbers
            .iter()
            .filter_map(|number| Some((number, seen.credential(number)?)));
        let unready = accounts
            .clone()
            .filter(|(_, credential)| !is_ready(credential, now, &self.credential_rules))
            .map(|(number, _)| number.clone())
            .collect();
        let epochs = accounts.map(|(_, credential)| credential.epoch);
        let revision = revision(seen.stored.line.version, epochs);
        Ok(Offer {
            seen,
            plan,
            revision,
            unready,
        })
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
