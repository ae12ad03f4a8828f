//! Sends ten times as many logins as the system can serve. Measures how many logins succeed, and
//! checks that the load locks no subscriber out.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::logins::{Subscribers, logins};
use super::profile::Profile;
use super::report::{Bound, Measure, median};
use super::system::{BenchSystem, status_error, unlimited};
use super::{BenchEnvironment, Effort, load};

/// The load, as a multiple of the capacity.
const TIMES: f64 = 10.0;

/// Measures the rate of successful logins when ten times as many arrive as the system can serve, against
/// the highest rate.
pub(super) async fn measure(
    environment: &BenchEnvironment,
    effort: Effort,
) -> Result<Vec<Measure>> {
    let system = BenchSystem::start(environment, "overload", unlimited)?;
    let subscribers = Subscribers::of(&system).await?;
    let mut rounds = Vec::new();
    let mut shed = Vec::new();
    let mut profile = Profile::of(&environment.home);
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
    // A client that was refused for load tries again after a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let operator = system.operator()?;
    for (which, number) in subscribers.numbers().iter().enumerate() {
        let seen = operator.number(number).await.map_err(status_error)?;
        ensure!(
            seen.failures == 0,
            "LOGIN-3: {} wrong attempts are counted, but every password was right",
            seen.failures
        );
        let login = subscribers.clone().login(which).await;
        login.context("the load locked a subscriber out")?;
    }
    Ok(vec![
        Measure::of(
            format!(
                "successful logins at {TIMES} times the capacity ({} are shed in each round)",
                median(shed)
            ),
            "the highest rate of logins",
            "calls/s",
            rounds,
            Bound::AtLeast(0.9),
        )
        .explained_by(&profile),
    ])
}
