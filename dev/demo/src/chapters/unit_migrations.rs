//! Unit migrations: changing the auth unit on the site (MIG-1 to MIG-6).

use aikagi_api::units::v1::{AuthUnit, Login};
use aikagi_client::{LoggedIn, reason};
use aikagi_refusal::ErrorReason;
use anyhow::Result;

use super::{OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, TEMPORARY};
use crate::calls::Setting;
use crate::lines::Line;
use crate::narrator::{all_masked, masked};
use crate::site::unit_name;
use crate::{Story, answered, expect, refused};

/// A permanent password that was never set.
const WRONG: &str = "Wrong12345";

impl Story {
    /// MIG-1 to MIG-3, MIG-6: the four unit migrations of the site. All accounts get the password of the session.
    pub(crate) async fn the_four_unit_migrations(&self) -> Result<()> {
        for to in [AuthUnit::Number, AuthUnit::AdminUser] {
            self.narrator.part(&format!(
                "LINE to {}: one password is entered",
                unit_name(to)
            ));
            let line = self.under_line().await?;
            let subscriber = self.login_permanent(&line.contract, PERMANENT).await?;
            let entered = [(line.contract.as_str(), PERMANENT)];
            self.migrate(&subscriber, to, &entered, PERMANENT).await?;
            self.unit_is(&line.contract, to, true).await?;
        }
        for to in [AuthUnit::Line, AuthUnit::AdminUser] {
            let what = format!("NUMBER to {}: every password is entered", unit_name(to));
            self.narrator.part(&what);
            let line = self.under_number().await?;
            let subscriber = self.login_permanent(&line.second, OTHER_PERMANENT).await?;
            let entered = [
                (line.first.as_str(), PERMANENT),
                (line.second.as_str(), OTHER_PERMANENT),
            ];
            self.migrate(&subscriber, to, &entered, OTHER_PERMANENT)
                .await?;
            self.login_refused(&line.contract, PERMANENT, "the other number's old password")
                .await?;
            self.unit_is(&line.contract, to, true).await?;
        }
        Ok(())
    }

    /// MIG-1, MIG-5: a wrong password is charged and nothing changes; the site offers no change
    /// from `ADMIN_USER`.
    pub(crate) async fn unit_migrations_refused(&self) -> Result<()> {
        let line = self.under_number().await?;
        let subscriber = self.login_permanent(&line.first, PERMANENT).await?;

        self.narrator
            .part("One of two passwords is wrong: it is charged, and nothing changes");
        let wrong = [
            (line.first.as_str(), PERMANENT),
            (line.second.as_str(), WRONG),
        ];
        let to = AuthUnit::AdminUser;
        self.unit_migration_refused(&subscriber, to, &wrong, ErrorReason::PasswordWrong)
            .await?;
        self.count_is(&line.second, 1, false).await?;
        self.count_is(&line.first, 0, false).await?;

        self.narrator.part("A number is missing");
        let one = &wrong[..1];
        self.unit_migration_refused(&subscriber, to, one, ErrorReason::InvalidField)
            .await?;
        self.unit_is(&line.contract, AuthUnit::Number, true).await?;

        self.narrator
            .part("The site offers no change from ADMIN_USER");
        let right = [
            (line.first.as_str(), PERMANENT),
            (line.second.as_str(), OTHER_PERMANENT),
        ];
        self.migrate(&subscriber, to, &right, PERMANENT).await?;
        let subscriber = self.login_permanent(&line.contract, PERMANENT).await?;
        self.wants(AuthUnit::Line);
        let answer = subscriber.preview(AuthUnit::Line).await;
        let status = refused("a preview", answer, ErrorReason::MigrationNotOffered)?;
        self.narrator.refusal(reason(&status), status.message());
        self.logout(&subscriber).await
    }

    /// A line with the unit LINE. Its contract number is not subscribed.
    async fn under_line(&self) -> Result<Line> {
        let line = self.fresh_line(false).await?;
        self.set(Setting {
            caller: &line.contract,
            unit: "1",
            asks_target: false,
            account: &line.contract,
            password: TEMPORARY,
        })
        .await?;
        self.establish(&line.contract, TEMPORARY, PERMANENT).await?;
        Ok(line)
    }

    /// A line with the unit NUMBER and two accounts.
    async fn under_number(&self) -> Result<Line> {
        let line = self.fresh_line(false).await?;
        for (account, temporary, permanent) in [
            (&line.first, TEMPORARY, PERMANENT),
            (&line.second, OTHER_TEMPORARY, OTHER_PERMANENT),
        ] {
            self.set(Setting {
                caller: account,
                unit: "2",
                asks_target: true,
                account,
                password: temporary,
            })
            .await?;
            self.establish(account, temporary, permanent).await?;
        }
        Ok(line)
    }

    fn wants(&self, to: AuthUnit) {
        let what = format!("asks to change the unit to {}", unit_name(to));
        self.narrator.does("subscriber", &what);
    }

    /// Previews the unit migration, enters the passwords and makes it. Then checks that every
    /// account logs in with `password`, and that the earlier session has ended.
    async fn migrate(
        &self,
        subscriber: &LoggedIn,
        to: AuthUnit,
        entered: &[(&str, &str)],
        password: &str,
    ) -> Result<()> {
        self.wants(to);
        let preview = answered("a preview", subscriber.preview(to).await)?;
        let asked_for: Vec<&str> = preview
            .required_numbers
            .iter()
            .map(String::as_str)
            .collect();
        let numbers: Vec<&str> = entered.iter().map(|(number, _)| *number).collect();
        expect("the required passwords", &numbers, &asked_for)?;
        self.narrator.answer(&format!(
            "required: the passwords of {}; accounts afterwards: {}",
            all_masked(&preview.required_numbers),
            all_masked(preview.logins.iter().map(|login| &login.number))
        ));
        self.narrator.does("subscriber", "enters these passwords");
        let revision = &preview.revision;
        let answer = self
            .patiently(async || subscriber.migrate_with(to, entered, revision).await)
            .await;
        let logins = answered("the unit migration", answer)?;
        expect("who logs in", &preview.logins, &logins)?;
        self.narrator.answer("the unit is changed");
        self.session_has_ended(subscriber, "the token from before the migration")
            .await?;
        for Login { number, .. } in &logins {
            let after = self.login_permanent(number, password).await?;
            self.logout(&after).await?;
        }
        Ok(())
    }

    async fn unit_migration_refused(
        &self,
        subscriber: &LoggedIn,
        to: AuthUnit,
        entered: &[(&str, &str)],
        expected: ErrorReason,
    ) -> Result<()> {
        self.wants(to);
        let numbers: Vec<String> = entered.iter().map(|(number, _)| masked(number)).collect();
        let what = format!("enters passwords for {}", numbers.join(", "));
        self.narrator.does("subscriber", &what);
        let answer = self
            .patiently(async || subscriber.migrate(to, entered).await)
            .await;
        let status = refused("the unit migration", answer, expected)?;
        self.narrator.refusal(reason(&status), status.message());
        Ok(())
    }
}
