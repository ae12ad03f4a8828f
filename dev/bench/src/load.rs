//! Load generators. The closed one has a fixed number of callers, and each caller waits for its
//! response. The open one sends requests at random times and does not wait.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// The rate, in requests per second, of this number of callers. Each caller sends one request after
/// another. The first failure ends the measurement.
pub(super) async fn closed<F, Fut>(callers: usize, slice: Duration, call: F) -> Result<f64>
where
    F: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let call = Arc::new(call);
    let begun = Instant::now();
    let mut calling = JoinSet::new();
    for caller in 0..callers {
        let call = Arc::clone(&call);
        calling.spawn(async move {
            let mut made = 0_u32;
            while begun.elapsed() < slice {
                call(caller).await?;
                made += 1;
            }
            anyhow::Ok(made)
        });
    }
    let mut made = 0.0;
    while let Some(caller) = calling.join_next().await {
        made += f64::from(caller??);
    }
    Ok(made / begun.elapsed().as_secs_f64())
}

/// The results of requests that were sent at random times.
pub(super) struct Arrivals {
    /// The latencies of the successful requests, in ascending order. A latency counts from the
    /// moment at which the request was due.
    pub(super) latencies: Vec<Duration>,
    failed: u32,
    /// The time from the first request to the last response.
    pub(super) took: Duration,
}

impl Arrivals {
    /// The number of successful requests.
    pub(super) fn served(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap_or(u32::MAX))
    }

    /// The number of failed requests.
    pub(super) fn failed(&self) -> f64 {
        f64::from(self.failed)
    }

    /// The latency that the fraction `part` of the successful requests does not exceed.
    pub(super) fn quantile(&self, part: f64) -> Duration {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "an index in a list"
        )]
        let place = (part * self.latencies.len() as f64) as usize;
        let last = self.latencies.len().saturating_sub(1);
        self.latencies
            .get(place.min(last))
            .copied()
            .unwrap_or_default()
    }
}

/// Sends `rate` requests per second on average, independently of each other, without waiting for responses. The latency of
/// a request counts from the moment at which it was due.
pub(super) async fn open<F, Fut>(rate: f64, slice: Duration, call: F) -> Result<Arrivals>
where
    F: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let call = Arc::new(call);
    let begun = Instant::now();
    let mut due = begun;
    let mut calling = JoinSet::new();
    let mut count = 0;
    loop {
        let chance: f64 = rand::rng().random_range(f64::MIN_POSITIVE..1.0);
        due += Duration::from_secs_f64(-chance.ln() / rate);
        if due.duration_since(begun) > slice {
            break;
        }
        sleep_until(due).await;
        let call = Arc::clone(&call);
        calling.spawn(async move {
            let answer = call(count).await;
            answer.map(|()| due.elapsed())
        });
        count += 1;
    }
    let mut latencies = Vec::new();
    let mut failed = 0;
    while let Some(answer) = calling.join_next().await {
        match answer? {
            Ok(latency) => latencies.push(latency),
            Err(_) => failed += 1,
        }
    }
    latencies.sort_unstable();
    Ok(Arrivals {
        latencies,
        failed,
        took: begun.elapsed(),
    })
}
