//! Turns of calls, through the gateway and both stores, beside a bare echo over the same TLS.

use anyhow::Result;

use super::checks::Echo;
use super::report::{Bound, Measure};
use super::stage::{Stage, told, unlimited};
use super::{Effort, Surroundings, load};

/// Callers at once, and connections that their platforms share.
const CALLERS: usize = 64;
const CONNECTIONS: usize = 4;
/// In a call: it begins, a unit is chosen, the caller hangs up. None of them hashes.
const TURNS: f64 = 3.0;

/// Turns per second.
pub(super) async fn measure(around: &Surroundings, effort: Effort) -> Result<Vec<Measure>> {
    let stage = Stage::start(around, "turns", unlimited).await?;
    let number = stage.subscribers(1).await?.swap_remove(0);
    let echo = Echo::start(&stage)?;
    let (mut platforms, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        platforms.push(stage.ivr()?);
        bare.push(echo.client(&stage)?);
    }
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let echoed = Echo::rate(&bare, CALLERS, effort.slice).await?;
        let (platforms, number) = (platforms.clone(), number.clone());
        let calls = load::closed(CALLERS, effort.slice, move |caller| {
            let (platform, number) = (platforms[caller % CONNECTIONS].clone(), number.clone());
            async move {
                let (mut call, _asked) = platform.dial(&number).await.map_err(told)?;
                call.keys("1").await.map_err(told)?;
                call.hang_up().await.map_err(told)?;
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
