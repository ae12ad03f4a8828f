//! Subscribers at work, while somebody disturbs the system: each keeps account of what was acknowledged to it, and
//! notices when any of that is lost.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aikagi_api::units::v1::AuthUnit;
use aikagi_mesh::client::was_never_begun;
use aikagi_mesh::errors::{ErrorReason, name_of};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use tonic::{Code, Status};

use crate::edge::{Ivr, LoggedIn, Operator, Site};
use crate::story::Where;
use crate::world::reason;

/// Wrong passwords typed in before the right one, each time; fewer than would kill.
const WRONG: u32 = 2;
/// Tries at numbers that no line has.
const TRIES: u32 = 20;
/// How often every gateway is tried before a call that nobody took counts as failed.
const ROUNDS: usize = 2;

/// What became of the work.
#[derive(Debug, Default, Serialize)]
pub struct Account {
    /// Rounds of work that went through from the telephone to the logout.
    pub rounds: u32,
    /// Calls that were answered.
    pub answered: u32,
    /// Calls that got no answer of substance, and what they got.
    pub failed: Vec<String>,
    /// What had been acknowledged and was not so afterwards.
    pub lost: Vec<String>,
    /// Temporary passwords and sessions that had gone before they were used; people dial or log in again (INV-3).
    pub gone: Vec<String>,
}

/// All the ways in: one for each gateway. A call that a gateway did not take is made at the next, as a load balancer
/// would; one that it took is not made again.
struct Gateways {
    ways: Vec<Way>,
    next: AtomicUsize,
}

#[derive(Clone)]
struct Way {
    ivr: Ivr,
    site: Site,
    operator: Operator,
}

impl Gateways {
    fn of(system: &Where) -> Result<Self> {
        let ways = (0..system.gateways())
            .map(|index| {
                Ok(Way {
                    ivr: Ivr::new(system.private_at(index, "ivr")?),
                    site: Site::new(system.public_at(index)?),
                    operator: Operator::new(system.private_at(index, "operator")?),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            ways,
            next: AtomicUsize::new(0),
        })
    }

    async fn call<T, F>(&self, make: impl Fn(Way) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut answer = Err(Status::unavailable("no gateway"));
        for try_number in 0..self.ways.len() * ROUNDS {
            let way = &self.ways[(first + try_number) % self.ways.len()];
            answer = make(way.clone()).await;
            match &answer {
                Err(status) if was_never_begun(status) => {}
                _ => break,
            }
        }
        answer
    }
}

/// Somebody with a line of its own.
pub struct Subscriber {
    number: String,
    gateways: Gateways,
    account: Account,
    round: u32,
}

/// Why a round of work ended early.
struct Broken;

impl Subscriber {
    /// A subscriber with a fresh line, in the system that `state.json` describes.
    pub async fn new(state: &Path) -> Result<Self> {
        let gateways = Gateways::of(&Where::read(state)?)?;
        for _ in 0..TRIES {
            let number = format!("080{:08}", rand::random_range(0..100_000_000_u32));
            let numbers = [(number.as_str(), true)];
            let added = gateways
                .call(|way| async move { way.operator.add_line(&numbers).await })
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
                Err(status) => bail!("adding a line: {status}"),
            }
        }
        bail!("every number tried is taken")
    }

    /// Works round after round until `stop`; `done` hears of each. Then it looks once more at everything.
    pub async fn work(
        mut self,
        pause: Duration,
        stop: impl Fn() -> bool,
        done: impl Fn(),
    ) -> Account {
        while !stop() {
            if self.round(pause).await.is_ok() {
                self.account.rounds += 1;
            } else {
                // Whatever was in the way does not go sooner by being asked more often.
                tokio::time::sleep(pause).await;
            }
            self.round += 1;
            done();
        }
        self.account
    }

    /// One round: a temporary password by telephone, wrong ones, the forced change, wrong ones again, a login, a
    /// logout. What was acknowledged has to hold at the next step.
    async fn round(&mut self, pause: Duration) -> Result<(), Broken> {
        let number = self.number.clone();
        let temporary = format!("{:08}", rand::random_range(0..100_000_000_u32));
        let permanent = format!("Pw{:06}x", rand::random_range(0..1_000_000_u32));

        let (caller, keyed) = (number.as_str(), temporary.as_str());
        let set = self
            .gateways
            .call(|way| async move { way.ivr.set(caller, AuthUnit::Line, caller, keyed).await })
            .await;
        self.answered("setting by telephone", set)?;
        tokio::time::sleep(pause).await;

        self.wrong("00000000", &temporary).await?;
        let Some(session) = self.login("temporary", &temporary, true).await? else {
            return Err(Broken);
        };
        tokio::time::sleep(pause).await;
        let changed = self.change(&session, &temporary, &permanent).await?;
        self.counted(0).await?;
        self.wrong("Wrong12345", &permanent).await?;
        self.counted(WRONG).await?;
        tokio::time::sleep(pause).await;
        let Some(session) = self.login("permanent", &permanent, false).await? else {
            return Err(Broken);
        };
        self.counted(0).await?;
        drop(changed);
        let logout = self.at_any(&session, |session| async move { session.logout().await });
        let logout = logout.await;
        self.in_session("logging out", logout)
    }

    /// Types wrong passwords, each of which is refused.
    async fn wrong(&mut self, wrong: &str, right: &str) -> Result<(), Broken> {
        assert_ne!(
            wrong, right,
            "chance has made the wrong password the right one"
        );
        for _ in 0..WRONG {
            let number = self.number.as_str();
            let answer = self
                .gateways
                .call(|way| async move { way.site.login(number, wrong).await })
                .await;
            match answer {
                Ok(_) => return self.is_lost("a wrong password opened"),
                Err(status) if is_refusal(&status) => self.account.answered += 1,
                Err(status) => return self.has_failed("a wrong login", &status),
            }
        }
        Ok(())
    }

    /// Logs in with a password that was acknowledged. None: a temporary one has gone with Redis.
    async fn login(
        &mut self,
        which: &str,
        password: &str,
        may_go: bool,
    ) -> Result<Option<LoggedIn>, Broken> {
        let number = self.number.as_str();
        let answer = self
            .gateways
            .call(|way| async move { way.site.login(number, password).await })
            .await;
        match answer {
            Ok(session) => {
                self.account.answered += 1;
                Ok(Some(session))
            }
            Err(status) if is_refusal(&status) && may_go => {
                self.account.gone.push(format!("the {which} password"));
                Ok(None)
            }
            Err(status) if is_refusal(&status) => {
                self.is_lost(&format!("the {which} password does not open"))
            }
            Err(status) => self.has_failed("a login", &status),
        }
    }

    async fn change(
        &mut self,
        session: &LoggedIn,
        current: &str,
        new: &str,
    ) -> Result<Option<LoggedIn>, Broken> {
        let changed = self
            .at_any(session, |session| async move {
                session.change(current, new).await
            })
            .await;
        self.in_session("changing", changed)
    }

    /// The count is exactly what was acknowledged (LOGIN-3).
    async fn counted(&mut self, expected: u32) -> Result<(), Broken> {
        let number = self.number.as_str();
        let seen = self
            .gateways
            .call(|way| async move { way.operator.number(number).await })
            .await;
        let seen = self.answered("looking at the count", seen)?;
        if seen.failures == expected {
            Ok(())
        } else {
            let came = seen.failures;
            self.is_lost(&format!("the count is {came}, not {expected}"))
        }
    }

    /// Makes a call in a session at any gateway.
    async fn at_any<T, F>(
        &self,
        session: &LoggedIn,
        make: impl Fn(LoggedIn) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        self.gateways
            .call(|way| make(way.site.with_token(&session.token, session.session.clone())))
            .await
    }

    fn answered<T>(&mut self, what: &str, answer: Result<T, Status>) -> Result<T, Broken> {
        match answer {
            Ok(answer) => {
                self.account.answered += 1;
                Ok(answer)
            }
            Err(status) => self.has_failed(what, &status),
        }
    }

    /// As before, where the session may have gone with Redis.
    fn in_session<T>(&mut self, what: &str, answer: Result<T, Status>) -> Result<T, Broken> {
        match answer {
            Err(status) if status.code() == Code::Unauthenticated => {
                self.account.gone.push(format!("the session, {what}"));
                Err(Broken)
            }
            answer => self.answered(what, answer),
        }
    }

    fn has_failed<T>(&mut self, what: &str, status: &Status) -> Result<T, Broken> {
        let (code, reason) = (status.code(), reason(status));
        self.account
            .failed
            .push(format!("{what}: {code:?} {reason} {}", status.message()));
        Err(Broken)
    }

    fn is_lost<T>(&mut self, what: &str) -> Result<T, Broken> {
        self.account
            .lost
            .push(format!("round {}: {what}", self.round));
        Err(Broken)
    }
}

fn is_refusal(status: &Status) -> bool {
    reason(status) == name_of(ErrorReason::LoginRefused)
}

impl Account {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.rounds += other.rounds;
        self.answered += other.answered;
        self.failed.extend(other.failed);
        self.lost.extend(other.lost);
        self.gone.extend(other.gone);
        self
    }

    /// As one line of JSON.
    pub fn line(&self) -> Result<String> {
        serde_json::to_string(self).context("an account cannot be written")
    }
}
