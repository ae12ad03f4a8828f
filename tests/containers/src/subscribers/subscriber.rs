//! A simulated subscriber.

use std::time::Duration;

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::{LoggedIn, RunningSystem, reason};
use aikagi_refusal::{ErrorReason, name_of};
use anyhow::{Result, bail};
use tonic::{Code, Status};

use super::account::Account;
use super::gateways::Gateways;

/// The number of wrong attempts before each login with the right password. It is lower than the
/// limits (LOGIN-2).
const WRONG: u32 = 2;
const WRONG_TEMPORARY: &str = "00000000";
const WRONG_PERMANENT: &str = "Wrong12345";
/// The largest number of random telephone numbers to try, until one is on no line.
const NUMBERS_TRIED: u32 = 20;

/// A subscriber. Nobody else uses this subscriber's line.
pub(super) struct Subscriber {
    number: String,
    gateways: Gateways,
    account: Account,
    round: u32,
}

/// A round ended early. [`Account`] has the reason.
struct Broken;

impl Subscriber {
    /// Adds a line to the system. Fails when it finds no free number.
    pub(super) async fn new(system: &RunningSystem) -> Result<Self> {
        let gateways = Gateways::of(system)?;
        for _ in 0..NUMBERS_TRIED {
            let number = format!("080{:08}", rand::random_range(0..100_000_000_u32));
            let numbers = [(number.as_str(), true)];
            let added = gateways
                .call(|gateway| async move { gateway.operator.add_line(&numbers).await })
                .await;
            match added {
                Ok(_) => {
                    return Ok(Self {
                        number,
                        gateways,
                        account: Account::default(),
                        round: 0,
                    });
                }
                Err(status) if reason(&status) == name_of(ErrorReason::NumberTaken) => {}
                Err(status) => bail!("cannot add a line: {status}"),
            }
        }
        bail!("{NUMBERS_TRIED} random numbers are all on lines already")
    }

    /// Plays rounds until `is_stopped` returns true, and calls `has_ended` after each. Pauses for
    /// `pause` between two steps, and after a round that ended early.
    pub(super) async fn work(
        mut self,
        pause: Duration,
        is_stopped: impl Fn() -> bool,
        has_ended: impl Fn(),
    ) -> Account {
        while !is_stopped() {
            if self.round(pause).await.is_ok() {
                self.account.rounds += 1;
            } else {
                tokio::time::sleep(pause).await;
            }
            self.round += 1;
            has_ended();
        }
        self.account
    }

    /// One round: set a temporary password by telephone, make wrong attempts, change the password,
    /// make wrong attempts, log in, log out. Each step checks that the acknowledged results of
    /// earlier steps still exist.
    async fn round(&mut self, pause: Duration) -> Result<(), Broken> {
        let number = self.number.clone();
        let temporary = random_other_than(WRONG_TEMPORARY, || {
            format!("{:08}", rand::random_range(0..100_000_000_u32))
        });
        let permanent = random_other_than(WRONG_PERMANENT, || {
            format!("Pw{:06}x", rand::random_range(0..1_000_000_u32))
        });

        let (caller, keyed) = (number.as_str(), temporary.as_str());
        let set =
            self.gateways
                .call(|gateway| async move {
                    gateway.ivr.set(caller, AuthUnit::Line, caller, keyed).await
                })
                .await;
        self.set_by_telephone(set)?;
        tokio::time::sleep(pause).await;

        self.make_wrong_attempts(WRONG_TEMPORARY).await?;
        let session = self.log_in_with_temporary(&temporary).await?;
        tokio::time::sleep(pause).await;
        self.change_password(&session, &temporary, &permanent)
            .await?;
        self.check_count(0).await?;
        self.make_wrong_attempts(WRONG_PERMANENT).await?;
        self.check_count(WRONG).await?;
        tokio::time::sleep(pause).await;
        let session = self.log_in_with_permanent(&permanent).await?;
        self.check_count(0).await?;
        let logout = self
            .in_session(&session, |session| async move { session.logout().await })
            .await;
        self.answered_in_session("logging out", logout)
    }

    /// Counts the result of a telephone call. The call may have ended because no replica could read its record.
    fn set_by_telephone<T>(&mut self, set: Result<T, Status>) -> Result<T, Broken> {
        match set {
            Err(status) if reason(&status) == name_of(ErrorReason::CallUnknown) => {
                let ended = format!("setting a temporary password: {status}");
                self.account.ended_calls.push(ended);
                Err(Broken)
            }
            set => self.answered("setting a temporary password", set),
        }
    }

    /// Makes logins with a wrong password. Each must be refused.
    async fn make_wrong_attempts(&mut self, wrong: &str) -> Result<(), Broken> {
        for _ in 0..WRONG {
            match self.log_in(wrong).await {
                Ok(_) => return self.lost("a wrong password logged in"),
                Err(status) if is_login_refused(&status) => self.account.answered += 1,
                Err(status) => return self.failed("a login with a wrong password", &status),
            }
        }
        Ok(())
    }

    async fn log_in(&self, password: &str) -> Result<LoggedIn, Status> {
        let number = self.number.as_str();
        self.gateways
            .call(|gateway| async move { gateway.site.login(number, password).await })
            .await
    }

    /// Logs in with an acknowledged temporary password. It may have been lost with Redis.
    async fn log_in_with_temporary(&mut self, password: &str) -> Result<LoggedIn, Broken> {
        match self.log_in(password).await {
            Err(status) if is_login_refused(&status) => {
                self.lost_with_redis("the temporary password")
            }
            result => self.answered("a login with the temporary password", result),
        }
    }

    /// Logs in with an acknowledged permanent password.
    async fn log_in_with_permanent(&mut self, password: &str) -> Result<LoggedIn, Broken> {
        match self.log_in(password).await {
            Err(status) if is_login_refused(&status) => {
                self.lost("the permanent password does not log in")
            }
            result => self.answered("a login with the permanent password", result),
        }
    }

    /// Changes a temporary password to a permanent one. If Redis loses the temporary password after
    /// the session check, the system refuses it as wrong.
    async fn change_password(
        &mut self,
        session: &LoggedIn,
        current: &str,
        new: &str,
    ) -> Result<(), Broken> {
        let changed = self
            .in_session(session, |session| async move {
                session.change(current, new).await
            })
            .await;
        match changed {
            Err(status) if reason(&status) == name_of(ErrorReason::PasswordWrong) => {
                self.lost_with_redis("the temporary password, during its change")
            }
            changed => self
                .answered_in_session("changing the password", changed)
                .map(|_new_session| ()),
        }
    }

    /// Checks that the system counts the acknowledged wrong attempts (LOGIN-3).
    async fn check_count(&mut self, expected: u32) -> Result<(), Broken> {
        let number = self.number.as_str();
        let found = self
            .gateways
            .call(|gateway| async move { gateway.operator.number(number).await })
            .await;
        let count = self.answered("reading the count", found)?.failures;
        if count == expected {
            Ok(())
        } else {
            self.lost(&format!(
                "the count of wrong attempts is {count}, not {expected}"
            ))
        }
    }

    /// Sends an RPC of a session to any edge.
    async fn in_session<T, F>(
        &self,
        session: &LoggedIn,
        send: impl Fn(LoggedIn) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        self.gateways
            .call(|gateway| {
                send(
                    gateway
                        .site
                        .with_token(&session.token, session.session.clone()),
                )
            })
            .await
    }

    fn answered<T>(&mut self, what: &str, result: Result<T, Status>) -> Result<T, Broken> {
        match result {
            Ok(response) => {
                self.account.answered += 1;
                Ok(response)
            }
            Err(status) => self.failed(what, &status),
        }
    }

    /// Like [`Self::answered`], for a session that may have been lost with Redis.
    fn answered_in_session<T>(
        &mut self,
        what: &str,
        result: Result<T, Status>,
    ) -> Result<T, Broken> {
        match result {
            Err(status) if status.code() == Code::Unauthenticated => {
                self.lost_with_redis(&format!("the session, when {what}"))
            }
            result => self.answered(what, result),
        }
    }

    fn failed<T>(&mut self, what: &str, status: &Status) -> Result<T, Broken> {
        let (code, reason) = (status.code(), reason(status));
        self.account
            .failed
            .push(format!("{what}: {code:?} {reason} {}", status.message()));
        Err(Broken)
    }

    fn lost<T>(&mut self, what: &str) -> Result<T, Broken> {
        self.account
            .lost
            .push(format!("round {}: {what}", self.round));
        Err(Broken)
    }

    fn lost_with_redis<T>(&mut self, what: &str) -> Result<T, Broken> {
        self.account.lost_with_redis.push(what.to_owned());
        Err(Broken)
    }
}

fn random_other_than(wrong: &str, mut random: impl FnMut() -> String) -> String {
    loop {
        let password = random();
        if password != wrong {
            return password;
        }
    }
}

fn is_login_refused(status: &Status) -> bool {
    reason(status) == name_of(ErrorReason::LoginRefused)
}
