//! Steps on the settings site and at the settings back ends. Each is checked and narrated.

use std::time::Duration;

use aikagi_api::authentication::v1::{MustChangeReason, Session};
use aikagi_api::units::v1::{AccountRole, AuthUnit};
use aikagi_client::{LoggedIn, reason};
use aikagi_refusal::ErrorReason;
use anyhow::{Context, Result};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::narrator::{all_masked, masked};
use super::{Story, answered, expect, refused};

/// The maximum number of waits of one request while the edge reports too many attempts (LOGIN-8).
const PATIENCE: u32 = 20;

impl Story {
    /// Logs in. `with` names the password in the transcript.
    pub(super) async fn login(&self, number: &str, password: &str, with: &str) -> Result<LoggedIn> {
        self.narrator.does(
            "subscriber",
            &format!("logs in as {} with {with}", masked(number)),
        );
        let answer = self
            .patiently(async || self.site.login(number, password).await)
            .await;
        let subscriber = answered("a login", answer)?;
        self.narrator.answer(&description(&subscriber.session));
        expect(
            "the account",
            &subscriber.session.account_number,
            &number.to_owned(),
        )?;
        Ok(subscriber)
    }

    /// Logs in with a temporary password; the session must change it (PW-4).
    pub(super) async fn login_temporary(&self, number: &str, password: &str) -> Result<LoggedIn> {
        let subscriber = self
            .login(number, password, "the temporary password")
            .await?;
        must_change(&subscriber.session, MustChangeReason::Temporary)?;
        Ok(subscriber)
    }

    /// Logs in with a permanent password; the session is full (LOGIN-1).
    pub(super) async fn login_permanent(&self, number: &str, password: &str) -> Result<LoggedIn> {
        let subscriber = self
            .login(number, password, "the permanent password")
            .await?;
        must_change(&subscriber.session, MustChangeReason::Unspecified)?;
        Ok(subscriber)
    }

    /// Tries to log in and is refused (LOGIN-5).
    pub(super) async fn login_refused(
        &self,
        number: &str,
        password: &str,
        with: &str,
    ) -> Result<Status> {
        self.narrator.does(
            "subscriber",
            &format!("tries to log in as {} with {with}", masked(number)),
        );
        let answer = self
            .patiently(async || self.site.login(number, password).await)
            .await;
        let status = refused("a login", answer, ErrorReason::LoginRefused)?;
        self.narrator.refusal(reason(&status), status.message());
        Ok(status)
    }

    /// Changes the password. Then checks that the old token is refused (SESS-2).
    pub(super) async fn change(
        &self,
        subscriber: &LoggedIn,
        current: &str,
        new: &str,
    ) -> Result<LoggedIn> {
        self.narrator.does(
            "subscriber",
            "changes the password to a good one and confirms it",
        );
        let answer = self
            .patiently(async || subscriber.change(current, new).await)
            .await;
        let changed = answered("the change", answer)?.context("the session did not continue")?;
        self.narrator.answer(&format!(
            "under a new token: {}",
            description(&changed.session)
        ));
        must_change(&changed.session, MustChangeReason::Unspecified)?;
        self.session_has_ended(subscriber, "the token from before the change")
            .await?;
        Ok(changed)
    }

    /// Tries a password change that is refused.
    pub(super) async fn change_refused(
        &self,
        subscriber: &LoggedIn,
        current: &str,
        (new, again, shown): (&str, &str, &str),
        expected: ErrorReason,
    ) -> Result<Status> {
        self.narrator.does(
            "subscriber",
            &format!("tries to change the password to {shown}"),
        );
        let revision = &subscriber.session.revision;
        let answer = self
            .patiently(async || subscriber.change_with(current, new, again, revision).await)
            .await;
        let status = refused("the change", answer, expected)?;
        self.narrator.refusal(reason(&status), status.message());
        Ok(status)
    }

    /// Logs in with a temporary password, sets a permanent one, and logs out.
    pub(super) async fn establish(
        &self,
        account: &str,
        temporary: &str,
        permanent: &str,
    ) -> Result<()> {
        let subscriber = self.login_temporary(account, temporary).await?;
        let subscriber = self.change(&subscriber, temporary, permanent).await?;
        self.logout(&subscriber).await
    }

    /// Logs out. Then checks that the token is refused (SESS-2).
    pub(super) async fn logout(&self, subscriber: &LoggedIn) -> Result<()> {
        self.narrator.does("subscriber", "logs out");
        answered("the logout", subscriber.logout().await)?;
        self.session_has_ended(subscriber, "the token from before the logout")
            .await
    }

    /// Checks that the session's token is refused because the session has ended.
    pub(super) async fn session_has_ended(&self, subscriber: &LoggedIn, token: &str) -> Result<()> {
        self.narrator.does("somebody", &format!("uses {token}"));
        let status = refused(token, subscriber.session().await, ErrorReason::SessionEnded)?;
        self.narrator.refusal(reason(&status), status.message());
        Ok(())
    }

    /// Checks that a settings back end allows the session to change these numbers (SESS-4).
    pub(super) async fn may_change(
        &self,
        subscriber: &LoggedIn,
        numbers: &[&String],
    ) -> Result<()> {
        let scope: Vec<&String> = subscriber.session.scope_numbers.iter().collect();
        expect("the scope", &numbers.to_vec(), &scope)?;
        for number in numbers {
            self.asks(number);
            let answer = self.backend.check_access(&subscriber.token, number).await;
            let account = answered("a back end's question", answer)?;
            expect("the account", &account, &subscriber.session.account_number)?;
            self.narrator.answer("allowed");
        }
        Ok(())
    }

    /// Checks that a settings back end does not allow the session to change this number.
    pub(super) async fn may_not_change(
        &self,
        subscriber: &LoggedIn,
        number: &str,
        why: ErrorReason,
    ) -> Result<()> {
        self.asks(number);
        let answer = self.backend.check_access(&subscriber.token, number).await;
        let status = refused("a back end's question", answer, why)?;
        self.narrator.refusal(reason(&status), status.message());
        Ok(())
    }

    fn asks(&self, number: &str) {
        self.narrator.does(
            "back end",
            &format!("asks whether the session may change {}", masked(number)),
        );
    }

    /// LOGIN-8: after too many attempts from one address, waits as long as the response says, and
    /// tries again. The refused request has charged no attempt to the account.
    pub(super) async fn patiently<T>(
        &self,
        call: impl AsyncFn() -> Result<T, Status>,
    ) -> Result<T, Status> {
        for _ in 0..PATIENCE {
            let answer = call().await;
            let Some(wait) = answer.as_ref().err().and_then(too_many) else {
                return answer;
            };
            self.narrator.answer(&format!(
                "too many attempts from this address; waiting {} seconds, as the response says",
                wait.as_secs() + 1
            ));
            tokio::time::sleep(wait).await;
        }
        call().await
    }
}

fn must_change(session: &Session, expected: MustChangeReason) -> Result<()> {
    let got = session.must_change_reason();
    expect("why the password must be changed", &expected, &got)
}

fn too_many(status: &Status) -> Option<Duration> {
    (reason(status) == aikagi_refusal::name_of(ErrorReason::TooManyAttempts))
        .then(|| status.get_details_retry_info()?.retry_delay)
        .flatten()
}

/// A short description of a session.
fn description(session: &Session) -> String {
    let kind = match session.must_change_reason() {
        MustChangeReason::Unspecified => "a full session",
        MustChangeReason::Temporary => "a must-change session (temporary password)",
        MustChangeReason::Expired => "a must-change session (password expired)",
    };
    let role = match session.role() {
        AccountRole::Unspecified => "no account",
        AccountRole::Line => "the line's account",
        AccountRole::Number => "a number's account",
        AccountRole::Administrator => "the administrator",
        AccountRole::User => "a user",
    };
    let wrong = match session.wrong_attempts {
        0 => String::new(),
        count => format!("; wrong attempts since the last login: {count}"),
    };
    let scope = all_masked(&session.scope_numbers);
    format!(
        "{kind} of {role} under {}, for {scope}{wrong}",
        unit_name(session.unit())
    )
}

/// The name of a unit in the specification.
pub(super) fn unit_name(unit: AuthUnit) -> &'static str {
    match unit {
        AuthUnit::Unspecified => "no unit",
        AuthUnit::Line => "LINE",
        AuthUnit::Number => "NUMBER",
        AuthUnit::AdminUser => "ADMIN_USER",
    }
}
