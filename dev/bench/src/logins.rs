//! Measures logins from end to end: through the edge, mutual TLS and both stores.

use std::sync::Arc;
use std::time::Duration;

use aikagi_client::Site;
use aikagi_client::samples::PERMANENT;
use aikagi_hashing::Settings;
use anyhow::{Context, Result};
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;

use super::checks::Echo;
use super::hash::OneHash;
use super::profile::Profile;
use super::report::{Bound, Measure, median};
use super::system::{BenchSystem, all_but_the_hash, status_error, unlimited};
use super::{BenchEnvironment, Effort, load, reference};

/// The number of subscribers.
pub(super) const SUBSCRIBERS: u32 = 16;
/// The number of connections that the subscribers share.
pub(super) const CONNECTIONS: usize = 4;
/// The number of concurrent logins. The number is so high that at least one login always waits for a hash.
pub(super) const CALLERS: usize = 12;
/// The number of consecutive logins whose median is one measured time.
const SERIAL: usize = 15;

/// Subscribers with their connections.
#[derive(Clone)]
pub(super) struct Subscribers {
    sites: Arc<Vec<Site>>,
    numbers: Arc<Vec<String>>,
}

impl Subscribers {
    pub(super) async fn of(system: &BenchSystem) -> Result<Self> {
        let sites = (0..CONNECTIONS).map(|_| system.site());
        Ok(Self {
            sites: Arc::new(sites.collect::<Result<_>>()?),
            numbers: Arc::new(system.subscribers(SUBSCRIBERS).await?),
        })
    }

    /// Logs in one of the subscribers.
    pub(super) async fn login(self, which: usize) -> Result<()> {
        let site = &self.sites[which % self.sites.len()];
        let number = &self.numbers[which % self.numbers.len()];
        site.login(number, PERMANENT).await.map_err(status_error)?;
        Ok(())
    }

    /// The numbers of the subscribers.
    pub(super) fn numbers(&self) -> &[String] {
        &self.numbers
    }
}

/// Measures the highest rate of logins against the highest rate of hashes, and one login against one hash. Measures the
/// waiting times at 0.5 and 0.9 of the highest rate too.
pub(super) async fn measure(
    environment: &BenchEnvironment,
    effort: Effort,
) -> Result<Vec<Measure>> {
    let system = BenchSystem::start(environment, "login", unlimited)?;
    let subscribers = Subscribers::of(&system).await?;
    let settings = Settings::default();

    let mut capacity = Vec::new();
    for _ in 0..effort.rounds {
        let raw = reference::rate(&environment.reference, &settings, effort.slice).await?;
        capacity.push((logins(&subscribers, effort.slice).await?, raw));
    }
    let (mut beyond, mut commits) = (Vec::new(), Vec::new());
    let url = system
        .processes
        .superuser_url()
        .context("the system has no cluster")?;
    let mut ledger = PgConnection::connect(&url).await?;
    let mut hash = OneHash::of(&settings).await?;
    for _ in 0..effort.rounds {
        let (mut hashes, mut whole, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for which in 0..SERIAL {
            hashes.push(hash.time().await?);
            let begun = Instant::now();
            subscribers.clone().login(which).await?;
            whole.push(begun.elapsed().as_secs_f64() * 1e3);
            let begun = Instant::now();
            for _ in 0..2 {
                commit(&mut ledger, &subscribers.numbers()[0]).await?;
            }
            bare.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let hash = median(hashes);
        let ours = median(whole) - hash;
        beyond.push((ours, hash));
        commits.push((ours, median(bare)));
    }

    let peak = median(capacity.iter().map(|round| round.0));
    let mut measures = vec![
        Measure::of(
            "logins end to end, all cores",
            "raw Argon2id of the reference library, all cores",
            "calls/s",
            capacity,
            Bound::AtLeast(0.95),
        ),
        Measure::of(
            "one login, without its hash",
            "one hash",
            "ms",
            beyond.clone(),
            Bound::AtMost(0.15),
        ),
        Measure::of(
            "one login, without its hash",
            "two durable commits of one row, one after another",
            "ms",
            commits,
            Bound::None,
        ),
    ];
    let hash = median(beyond.iter().map(|round| round.1));
    measures.extend(waits(&subscribers, effort, peak, hash).await?);
    drop(system);
    measures.push(all_else(environment, effort).await?);
    Ok(measures)
}

/// Measures the highest rate of logins with an almost free hash, and the processor time that each
/// program uses for one login.
async fn all_else(environment: &BenchEnvironment, effort: Effort) -> Result<Measure> {
    let system = BenchSystem::start(environment, "login", all_but_the_hash)?;
    let subscribers = Subscribers::of(&system).await?;
    let echo = Echo::start(&system)?;
    let bare = [echo.client(&system)?];
    let mut profile = Profile::of(&environment.home);
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let echoes = Echo::rate(&bare, CALLERS, effort.slice).await?;
        let seconds = effort.slice.as_secs_f64();
        let logins = profile
            .during(logins(&subscribers, effort.slice), |rate| rate * seconds)
            .await?;
        rounds.push((logins, echoes));
    }
    let measure = Measure::of(
        "logins end to end, with an almost free hash",
        "a bare tonic echo over mutual TLS",
        "calls/s",
        rounds,
        Bound::None,
    );
    Ok(measure.explained_by(&profile))
}

/// INV-2, INV-4: makes a durable commit of one row. Every login needs two of them.
async fn commit(ledger: &mut PgConnection, number: &str) -> Result<()> {
    sqlx::query("UPDATE credentials SET failures = failures WHERE number = $1")
        .bind(number)
        .execute(ledger)
        .await?;
    Ok(())
}

/// The highest rate of logins, in logins per second. At least one login always waits for a hash, so
/// the hashes limit the rate.
pub(super) async fn logins(subscribers: &Subscribers, slice: Duration) -> Result<f64> {
    let subscribers = subscribers.clone();
    load::closed(CALLERS, slice, move |caller| {
        subscribers.clone().login(caller)
    })
    .await
}

/// Measures the waiting times of subscribers who come independently of each other, against the time
/// of one hash.
async fn waits(
    subscribers: &Subscribers,
    effort: Effort,
    peak: f64,
    hash: f64,
) -> Result<Vec<Measure>> {
    let slice = effort.slice * u32::try_from(effort.rounds)?;
    let mut measures = Vec::new();
    for part in [0.5, 0.9] {
        let subscribers = subscribers.clone();
        let arrivals = load::open(part * peak, slice, move |which| {
            subscribers.clone().login(which)
        })
        .await?;
        for quantile in [0.5, 0.99, 0.999] {
            let waited = arrivals.quantile(quantile).as_secs_f64() * 1e3;
            measures.push(Measure::of(
                format!(
                    "a login at {part} of the capacity, quantile {quantile}, {} failed",
                    arrivals.failed()
                ),
                "one hash",
                "ms",
                vec![(waited, hash)],
                Bound::None,
            ));
        }
    }
    Ok(measures)
}
