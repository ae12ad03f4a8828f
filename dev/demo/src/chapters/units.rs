//! The three units: who logs in, and for which numbers (UNIT-1).

use aikagi_api::issuance::v1::CallStep;
use aikagi_api::units::v1::AuthUnit;
use aikagi_refusal::ErrorReason;
use anyhow::Result;
use tonic_types::StatusExt as _;

use super::{OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, TEMPORARY};
use crate::calls::Setting;
use crate::narrator::masked;
use crate::{Story, expect};

impl Story {
    /// IVR-2, PW-1 to PW-4, SESS-2, SESS-4: from the call to the permanent password, with the
    /// mistakes that the form refuses.
    pub(crate) async fn one_login_for_the_line(&self) -> Result<()> {
        let line = self.fresh_line(false).await?;

        self.narrator
            .part("An additional number calls; the password is for the contract number");
        self.set(Setting {
            caller: &line.first,
            unit: "1",
            asks_target: false,
            account: &line.contract,
            password: TEMPORARY,
        })
        .await?;

        self.narrator
            .part("With the temporary password, the subscriber can only change the password");
        let subscriber = self.login_temporary(&line.contract, TEMPORARY).await?;
        let elsewhere = ErrorReason::PasswordChangeRequired;
        self.may_not_change(&subscriber, &line.first, elsewhere)
            .await?;

        self.narrator.part("The forced change");
        let digits = ("1234567890", "1234567890", "digits alone");
        let policy = ErrorReason::PasswordPolicy;
        let refused = self
            .change_refused(&subscriber, TEMPORARY, digits, policy)
            .await?;
        let rules = refused
            .get_details_error_info()
            .and_then(|info| info.metadata.get("rules").cloned());
        expect("the broken rules", &Some("DIGITS_ONLY".to_owned()), &rules)?;
        let short = ("Ab1", "Ab1", "three characters");
        self.change_refused(&subscriber, TEMPORARY, short, policy)
            .await?;
        let twice = (
            PERMANENT,
            OTHER_PERMANENT,
            "one that is typed differently the second time",
        );
        let mismatch = ErrorReason::PasswordMismatch;
        self.change_refused(&subscriber, TEMPORARY, twice, mismatch)
            .await?;
        let subscriber = self.change(&subscriber, TEMPORARY, PERMANENT).await?;

        self.narrator
            .part("The session continues, for every subscribed number of the line");
        self.may_change(&subscriber, &[&line.first, &line.second])
            .await?;
        let outside = ErrorReason::OutOfScope;
        self.may_not_change(&subscriber, &line.contract, outside)
            .await?;
        self.may_not_change(&subscriber, &line.unsubscribed, outside)
            .await?;
        self.logout(&subscriber).await?;

        self.narrator
            .part("From now on only the permanent password logs in");
        self.login_refused(&line.contract, TEMPORARY, "the temporary password")
            .await?;
        let subscriber = self.login_permanent(&line.contract, PERMANENT).await?;
        expect(
            "wrong attempts since the last login",
            &1,
            &subscriber.session.wrong_attempts,
        )?;
        self.login_refused(&line.first, PERMANENT, "the line's password")
            .await?;
        self.logout(&subscriber).await
    }

    /// IVR-3, IVR-11, UNIT-2: the dialog asks for the target, and an established unit does not change.
    pub(crate) async fn a_login_for_each_number(&self) -> Result<()> {
        let line = self.fresh_line(true).await?;

        self.narrator
            .part("The target must be a subscribed number of the caller's line");
        let mut caller = self.dial_in(&line.contract).await?;
        caller.choose_target_unit("2").await?;
        let unsubscribed = format!("{}#", line.unsubscribed);
        let shown = format!("{} (not subscribed) and #", masked(&line.unsubscribed));
        caller
            .mistake(&unsubscribed, &shown, "enter-target", CallStep::Target)
            .await?;
        caller.target(&line.first).await?;
        caller.password(TEMPORARY).await?;
        caller.confirm(&line.first, TEMPORARY).await?;
        self.establish(&line.first, TEMPORARY, PERMANENT).await?;

        self.narrator
            .part("The next number gets a different password");
        self.set(Setting {
            caller: &line.first,
            unit: "2",
            asks_target: true,
            account: &line.second,
            password: OTHER_TEMPORARY,
        })
        .await?;
        self.establish(&line.second, OTHER_TEMPORARY, OTHER_PERMANENT)
            .await?;
        self.login_refused(&line.second, PERMANENT, "the other number's password")
            .await?;

        self.narrator
            .part("A session may change only the settings of its own number");
        let subscriber = self.login_permanent(&line.first, PERMANENT).await?;
        self.may_change(&subscriber, &[&line.first]).await?;
        let outside = ErrorReason::OutOfScope;
        self.may_not_change(&subscriber, &line.second, outside)
            .await?;
        self.login_refused(
            &line.contract,
            PERMANENT,
            "a password that was never set for it",
        )
        .await?;
        self.logout(&subscriber).await?;

        self.narrator
            .part("The unit is established: a call cannot change it any more");
        let mut caller = self.dial_in(&line.contract).await?;
        caller
            .mistake("1", "1 (another unit)", "enter-unit", CallStep::Unit)
            .await?;
        caller
            .mistake("3", "3 (another unit)", "enter-unit", CallStep::Unit)
            .await?;
        caller.last_mistake("1", "1 (another unit)").await?;
        self.unit_is(&line.contract, AuthUnit::Number, true).await
    }

    /// IVR-4: a caller on the contract number chooses a target; a caller on an additional number
    /// sets its own password.
    pub(crate) async fn an_administrator_and_users(&self) -> Result<()> {
        let line = self.fresh_line(false).await?;

        self.narrator
            .part("The contract number calls and chooses itself as the target: the administrator");
        self.set(Setting {
            caller: &line.contract,
            unit: "3",
            asks_target: true,
            account: &line.contract,
            password: TEMPORARY,
        })
        .await?;
        self.establish(&line.contract, TEMPORARY, PERMANENT).await?;

        self.narrator.part(
            "The contract number calls and chooses an additional number as the target: a user",
        );
        self.set(Setting {
            caller: &line.contract,
            unit: "3",
            asks_target: true,
            account: &line.first,
            password: OTHER_TEMPORARY,
        })
        .await?;
        self.establish(&line.first, OTHER_TEMPORARY, OTHER_PERMANENT)
            .await?;

        self.narrator
            .part("An additional number calls and is not asked for a target: a user");
        self.set(Setting {
            caller: &line.second,
            unit: "3",
            asks_target: false,
            account: &line.second,
            password: TEMPORARY,
        })
        .await?;
        self.establish(&line.second, TEMPORARY, PERMANENT).await?;

        self.narrator
            .part("The administrator may change every subscribed number, a user only their own");
        let administrator = self.login_permanent(&line.contract, PERMANENT).await?;
        self.may_change(&administrator, &[&line.first, &line.second])
            .await?;
        let user = self.login_permanent(&line.first, OTHER_PERMANENT).await?;
        self.may_change(&user, &[&line.first]).await?;
        self.may_not_change(&user, &line.second, ErrorReason::OutOfScope)
            .await?;
        self.logout(&user).await?;
        self.logout(&administrator).await
    }

    /// Checks the unit that an operator sees on a line (UNIT-2).
    pub(super) async fn unit_is(
        &self,
        number: &str,
        unit: AuthUnit,
        established: bool,
    ) -> Result<()> {
        self.narrator.does(
            "operator",
            &format!("looks at the line of {}", masked(number)),
        );
        let line = crate::answered("looking at a line", self.operator.line(number).await)?;
        let got = (line.unit(), line.unit_established_time.is_some());
        expect(
            "unit, and whether it is established",
            &(unit, established),
            &got,
        )?;
        let state = if established { ", established" } else { "" };
        self.narrator
            .answer(&format!("{}{state}", crate::site::unit_name(unit)));
        Ok(())
    }
}
