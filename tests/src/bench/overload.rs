//! Ten times the load that can be served: what is served of it, and that nobody is locked out by it.

use anyhow::{Context, Result, ensure};

use super::logins::{Subscribers, logins};
use super::profile::Profile;
use super::report::{Bound, Measure, median};
use super::stage::{Stage, told, unlimited};
use super::{Effort, Surroundings, load};

/// How many times the capacity comes.
const TIMES: f64 = 10.0;

/// Logins that succeed under ten times the load, against as many as can be.
pub(super) async fn measure(around: &Surroundings, effort: Effort) -> Result<Vec<Measure>> {
    let stage = Stage::start(around, "overload", unlimited).await?;
    let subscribers = Subscribers::of(&stage).await?;
    let mut rounds = Vec::new();
    let mut shed = Vec::new();
    let mut profile = Profile::of(&around.home);
    for _ in 0..effort.rounds {
        let peak = logins(&subscribers, effort.slice).await?;
        let coming = subscribers.clone();
        let arriving = load::open(TIMES * peak, effort.slice, move |which| {
            coming.clone().login(which)
        });
        let arrivals = profile
            .during(arriving, |arrivals| arrivals.served() + arrivals.failed())
            .await?;
        rounds.push((arrivals.served() / arrivals.took.as_secs_f64(), peak));
        shed.push(arrivals.failed());
    }
    let operator = stage.operator()?;
    for (which, number) in subscribers.numbers().iter().enumerate() {
        let seen = operator.number(number).await.map_err(told)?;
        ensure!(
            seen.failures == 0,
            "LOGIN-3: {} wrong attempts are counted that nobody made",
            seen.failures
        );
        let login = subscribers.clone().login(which).await;
        login.context("somebody is locked out by load")?;
    }
    Ok(vec![Measure::of(
        format!(
            "logins that succeed when {TIMES} times as many come ({} are told to come later, each time)",
            median(shed)
        ),
        "logins, as many as can be",
        "calls/s",
        rounds,
        Bound::AtLeast(0.9),
    )
    .explained_by(&profile)])
}
