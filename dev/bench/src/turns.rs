//! Measures turns of calls, through the gateway and both stores, against a bare echo over the same
//! TLS.

use anyhow::Result;

use super::checks::Echo;
use super::report::{Bound, Measure};
use super::system::{BenchSystem, status_error, unlimited};
use super::{BenchEnvironment, Effort, load};

/// The number of concurrent callers, and of the connections that their platforms share.
const CALLERS: usize = 64;
const CONNECTIONS: usize = 4;
/// The turns of a call: it begins, the caller chooses a unit, the caller hangs up. None of them needs a hash.
const TURNS: f64 = 3.0;

/// Measures the rate of turns.
pub(super) async fn measure(
    environment: &BenchEnvironment,
    effort: Effort,
) -> Result<Vec<Measure>> {
    let system = BenchSystem::start(environment, "turns", unlimited)?;
    let number = system.subscribers(1).await?.swap_remove(0);
    let echo = Echo::start(&system)?;
    let (mut platforms, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        platforms.push(system.ivr()?);
        bare.push(echo.client(&system)?);
    }
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let echoed = Echo::rate(&bare, CALLERS, effort.slice).await?;
        let (platforms, number) = (platforms.clone(), number.clone());
        let calls = load::closed(CALLERS, effort.slice, move |caller| {
            let (platform, number) = (platforms[caller % CONNECTIONS].clone(), number.clone());
            async move {
                let (mut call, _asked) = platform.dial(&number).await.map_err(status_error)?;
                call.keys("1").await.map_err(status_error)?;
                call.hang_up().await.map_err(status_error)?;
                Ok(())
            }
        })
        .await?;
        rounds.push((TURNS * calls, echoed));
    }
    Ok(vec![Measure::of(
        "turns of calls through the gateway",
        "a bare tonic echo over mutual TLS",
        "calls/s",
        rounds,
        Bound::None,
    )])
}
