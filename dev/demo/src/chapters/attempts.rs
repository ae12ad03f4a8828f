//! Wrong attempts: the limits, and a new password by telephone (LOGIN-2, LOGIN-3, IVR-10).

use aikagi_refusal::ErrorReason;
use anyhow::Result;

use super::{OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, TEMPORARY};
use crate::calls::Setting;
use crate::narrator::masked;
use crate::{Story, answered, expect};

/// Eight digits that are not the temporary password.
const WRONG_DIGITS: &str = "00000000";
/// A permanent password that was never set.
const WRONG: &str = "Wrong12345";

impl Story {
    /// LOGIN-2, LOGIN-3: three wrong attempts in a row kill a temporary password; a right attempt
    /// in between resets the count.
    pub(crate) async fn three_wrong_attempts(&self) -> Result<()> {
        let line = self.fresh_line(true).await?;
        let account = line.first.as_str();
        self.set_own(account, TEMPORARY).await?;

        self.narrator
            .part("Two wrong attempts, then the right password: the count is 0 again");
        self.wrong(account, WRONG_DIGITS, 2).await?;
        let subscriber = self.login_temporary(account, TEMPORARY).await?;
        expect(
            "wrong attempts reported after the login",
            &2,
            &subscriber.session.wrong_attempts,
        )?;
        self.count_is(account, 0, false).await?;

        self.narrator
            .part("Three wrong attempts in a row kill the password: even the right one is refused");
        self.wrong(account, WRONG_DIGITS, 3).await?;
        self.count_is(account, 3, true).await?;
        self.login_refused(account, TEMPORARY, "the right temporary password")
            .await?;

        self.narrator.part("A call sets a new password");
        self.set_own(account, OTHER_TEMPORARY).await?;
        self.count_is(account, 0, false).await?;
        self.establish(account, OTHER_TEMPORARY, PERMANENT).await
    }

    /// LOGIN-2, LOGIN-5, IVR-10, PW-2: ten wrong attempts kill a permanent password, and it cannot be set again.
    pub(crate) async fn ten_wrong_attempts(&self) -> Result<()> {
        let line = self.fresh_line(true).await?;
        let account = line.first.as_str();
        self.set_own(account, TEMPORARY).await?;
        self.establish(account, TEMPORARY, PERMANENT).await?;

        self.narrator
            .part("Ten wrong attempts in a row kill the password: even the right one is refused");
        let owner = self.login_permanent(account, PERMANENT).await?;
        self.wrong(account, WRONG, 10).await?;
        self.count_is(account, 10, true).await?;
        let killed = self
            .login_refused(account, PERMANENT, "the right permanent password")
            .await?;

        self.narrator
            .part("A refusal does not say why: a number on no line is refused in the same way");
        let unknown = self
            .login_refused("0699999999", PERMANENT, "any password")
            .await?;
        let alike = (killed.code(), killed.message(), killed.details())
            == (unknown.code(), unknown.message(), unknown.details());
        expect("both refusals are the same", &true, &alike)?;

        self.narrator.part("Wrong attempts of somebody else do not end the owner's session; a new password by telephone ends it");
        answered("the owner's session", owner.session().await)?;
        self.set_own(account, OTHER_TEMPORARY).await?;
        self.session_has_ended(&owner, "the owner's token").await?;
        self.login_refused(account, PERMANENT, "the old permanent password")
            .await?;

        self.narrator.part(
            "The new temporary password works immediately; the last permanent password is not accepted again",
        );
        let subscriber = self.login_temporary(account, OTHER_TEMPORARY).await?;
        let same = (PERMANENT, PERMANENT, "the password that was killed");
        let reused = ErrorReason::PasswordReused;
        self.change_refused(&subscriber, OTHER_TEMPORARY, same, reused)
            .await?;
        let subscriber = self
            .change(&subscriber, OTHER_TEMPORARY, OTHER_PERMANENT)
            .await?;
        self.logout(&subscriber).await?;
        let subscriber = self.login_permanent(account, OTHER_PERMANENT).await?;
        self.logout(&subscriber).await
    }

    /// Sets a number's own password by telephone, under the unit NUMBER.
    pub(super) async fn set_own(&self, account: &str, password: &str) -> Result<()> {
        self.set(Setting {
            caller: account,
            unit: "2",
            asks_target: true,
            account,
            password,
        })
        .await
    }

    pub(super) async fn wrong(&self, account: &str, password: &str, times: u32) -> Result<()> {
        for attempt in 1..=times {
            let with = format!("a wrong password ({attempt} of {times})");
            self.login_refused(account, password, &with).await?;
        }
        Ok(())
    }

    /// Checks the wrong attempts that an operator sees on a number (LOGIN-2).
    pub(super) async fn count_is(&self, account: &str, failures: u32, killed: bool) -> Result<()> {
        self.narrator
            .does("operator", &format!("looks at {}", masked(account)));
        let number = answered("looking at a number", self.operator.number(account).await)?;
        let got = (number.failures, number.kill_time.is_some());
        expect(
            "wrong attempts, and whether the password is killed",
            &(failures, killed),
            &got,
        )?;
        let state = if killed {
            "the password is killed"
        } else {
            "the password is live"
        };
        self.narrator
            .answer(&format!("wrong attempts: {failures}; {state}"));
        Ok(())
    }
}
