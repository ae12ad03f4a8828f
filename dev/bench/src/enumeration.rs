//! LOGIN-5: measures whether the time of a refusal reveals something about a number. The hash is
//! almost free here, so that it hides no other difference. A real hash takes about ten times as
//! long as everything else.

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::samples::{NOBODY, OTHER_PERMANENT, PERMANENT, TEMPORARY};
use aikagi_client::{Ivr, Operator, Site, reason};
use anyhow::{Context, Result, ensure};
use rand::seq::SliceRandom as _;
use tokio::time::Instant;

use super::report::{Bound, Measure, median};
use super::system::{BenchSystem, all_but_the_hash, status_error};
use super::{BenchEnvironment, Effort};

/// The number of refusals of each class in each round.
const SERIAL: usize = 300;
/// The largest relative difference between the median time of a class and the median time of a
/// wrong permanent password.
const APART: f64 = 0.1;
/// The largest number of wrong attempts after which a permanent password still works (LOGIN-2).
const WRONG_PERMANENT: u32 = 9;
/// The largest number of wrong attempts after which a temporary password still works (LOGIN-2).
const WRONG_TEMPORARY: u32 = 2;
/// Enough wrong attempts to reach any limit.
const KILLS: u32 = 10;

/// The reason why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    WrongPermanent,
    WrongTemporary,
    Killed,
    NeverSet,
    Unknown,
}

const CLASSES: [Class; 5] = [
    Class::WrongPermanent,
    Class::WrongTemporary,
    Class::Killed,
    Class::NeverSet,
    Class::Unknown,
];

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::WrongPermanent => "a wrong permanent password",
            Self::WrongTemporary => "a wrong temporary password",
            Self::Killed => "a password that is killed",
            Self::NeverSet => "a number without a password",
            Self::Unknown => "a number on no line",
        }
    }

    const fn number(self) -> &'static str {
        match self {
            Self::WrongPermanent => "08000000000",
            Self::WrongTemporary => "08000000001",
            Self::Killed => "08000000002",
            Self::NeverSet => "08000000003",
            Self::Unknown => NOBODY,
        }
    }
}

/// The clients. `wrong` has for each class the number of wrong attempts since the count of its account was last 0.
struct Players {
    site: Site,
    ivr: Ivr,
    wrong: [u32; CLASSES.len()],
}

impl Players {
    async fn of(system: &BenchSystem, operator: &Operator) -> Result<Self> {
        // The numbers of the first three classes have a permanent password.
        system.subscribers(3).await?;
        let never = Class::NeverSet.number();
        operator
            .add_line(&[(never, true)])
            .await
            .map_err(status_error)?;
        let players = Self {
            site: system.site()?,
            ivr: system.ivr()?,
            wrong: [0; CLASSES.len()],
        };
        players.issue().await?;
        for _ in 0..KILLS {
            players.refused(Class::Killed).await?;
        }
        Ok(players)
    }

    async fn issue(&self) -> Result<()> {
        let number = Class::WrongTemporary.number();
        self.ivr
            .set(number, AuthUnit::Line, number, TEMPORARY)
            .await
            .map_err(status_error)?;
        Ok(())
    }

    /// Measures the time of a refusal, in milliseconds.
    async fn refused(&self, class: Class) -> Result<f64> {
        let begun = Instant::now();
        let answer = self.site.login(class.number(), OTHER_PERMANENT).await;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        let refusal = answer
            .err()
            .context("a login with a wrong password succeeded")?;
        ensure!(reason(&refusal) == "LOGIN_REFUSED", "{}", refusal.message());
        Ok(took)
    }

    /// Measures one more refusal. Resets the count first if the attempt would kill the password.
    async fn one_more(&mut self, index: usize) -> Result<f64> {
        let class = CLASSES[index];
        let since = &mut self.wrong[index];
        match class {
            Class::WrongPermanent if *since == WRONG_PERMANENT => {
                *since = 0;
                let login = self.site.login(class.number(), PERMANENT).await;
                login.map_err(status_error)?;
            }
            Class::WrongTemporary if *since == WRONG_TEMPORARY => {
                *since = 0;
                self.issue().await?;
            }
            _ => {}
        }
        self.wrong[index] += 1;
        self.refused(class).await
    }
}

/// Measures every class of refusal against a wrong permanent password, in random order.
pub(super) async fn measure(
    environment: &BenchEnvironment,
    effort: Effort,
) -> Result<Vec<Measure>> {
    let system = BenchSystem::start(environment, "enumeration", all_but_the_hash)?;
    let mut players = Players::of(&system, &system.operator()?).await?;
    let mut rounds: [Vec<f64>; CLASSES.len()] = std::array::from_fn(|_| Vec::new());
    for _ in 0..effort.rounds {
        let mut times: [Vec<f64>; CLASSES.len()] = std::array::from_fn(|_| Vec::new());
        let mut order: Vec<usize> = (0..CLASSES.len())
            .flat_map(|index| std::iter::repeat_n(index, SERIAL))
            .collect();
        order.shuffle(&mut rand::rng());
        for index in order {
            times[index].push(players.one_more(index).await?);
        }
        for (rounds, times) in rounds.iter_mut().zip(times) {
            rounds.push(median(times));
        }
    }
    let [wrong, others @ ..] = &rounds;
    let others = CLASSES[1..].iter().zip(others);
    Ok(others
        .map(|(class, times)| {
            let rounds = times.iter().copied().zip(wrong.iter().copied());
            Measure::of(
                format!(
                    "a login refused for {}, with an almost free hash",
                    class.name()
                ),
                Class::WrongPermanent.name(),
                "ms",
                rounds.collect(),
                Bound::Within(APART),
            )
        })
        .collect())
}
