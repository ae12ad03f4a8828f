//! Subscribers who use the system while a trial disturbs it. Each plays rounds: a round begins with
//! a telephone call and ends with a logout. Each records what the system acknowledged, and reports
//! what was lost.

mod account;
mod gateways;
mod subscriber;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use aikagi_client::RunningSystem;
use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;
use tokio::time::timeout;

use account::Account;
use subscriber::Subscriber;

use crate::system::ContainerSystem;

/// The number of subscribers. Each has at most one RPC in progress.
pub(crate) const SUBSCRIBERS: usize = 3;
/// The pause of a subscriber between two steps. All subscribers share one address, which has a
/// limit (LOGIN-8).
const PAUSE: Duration = Duration::from_millis(150);
/// If a trial waits for rounds of the subscribers and they take longer than this, the trial fails.
const ROUND_LIMIT: Duration = Duration::from_mins(2);

/// What may fail or be lost in a trial. An acknowledged change in PostgreSQL must never be lost
/// (INV-4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// The number of RPCs that may fail.
    pub(crate) failed: usize,
    /// True if temporary passwords and sessions may be lost with Redis (INV-3).
    pub(crate) lost_with_redis: bool,
    /// True if calls may end before a password is set. The subscriber dials again (IVR-12).
    pub(crate) ended_calls: bool,
}

/// No RPC may fail, and nothing may be lost.
pub(crate) const NOTHING: Allowed = Allowed {
    failed: 0,
    lost_with_redis: false,
    ended_calls: false,
};

/// Subscribers who use the system. Dropping them stops them.
pub(crate) struct Subscribers<'a> {
    system: &'a ContainerSystem<'a>,
    working: JoinSet<Account>,
    stop: Arc<AtomicBool>,
    /// A message for each round that has ended.
    ended: Receiver<()>,
}

impl<'a> Subscribers<'a> {
    /// Adds a line for each subscriber and starts the subscribers. Returns after [`SUBSCRIBERS`]
    /// rounds.
    pub(crate) fn start(system: &'a ContainerSystem<'a>) -> Result<Self> {
        let file = system.with_all_ports()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, ended) = channel();
        let working = system.runtime.block_on(async {
            let mut working = JoinSet::new();
            for _ in 0..SUBSCRIBERS {
                let subscriber = Subscriber::new(&RunningSystem::read(&file)?).await?;
                let (stop, sender) = (Arc::clone(&stop), sender.clone());
                let is_stopped = move || stop.load(Ordering::Relaxed);
                let has_ended = move || {
                    // Fails if the receiver was dropped, which needs no handling.
                    let _ = sender.send(());
                };
                working.spawn(subscriber.work(PAUSE, is_stopped, has_ended));
            }
            anyhow::Ok(working)
        })?;
        let subscribers = Self {
            system,
            working,
            stop,
            ended,
        };
        subscribers.wait_for_rounds(SUBSCRIBERS)?;
        Ok(subscribers)
    }

    /// Waits until `count` more rounds have ended, completed or not.
    pub(crate) fn wait_for_rounds(&self, count: usize) -> Result<()> {
        // Rounds that ended before now do not count.
        while self.ended.try_recv().is_ok() {}
        let end = Instant::now() + ROUND_LIMIT;
        for _ in 0..count {
            let left = end.saturating_duration_since(Instant::now());
            match self.ended.recv_timeout(left) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("the subscribers did not end {count} rounds within {ROUND_LIMIT:?}")
                }
                Err(RecvTimeoutError::Disconnected) => bail!("all subscribers have stopped"),
            }
        }
        Ok(())
    }

    /// Waits for [`SUBSCRIBERS`] more rounds and stops the subscribers. Fails if more failed or was
    /// lost than `allowed`.
    pub(crate) fn finish(mut self, allowed: Allowed) -> Result<()> {
        self.wait_for_rounds(SUBSCRIBERS)?;
        self.stop.store(true, Ordering::Relaxed);
        let mut account = self.system.runtime.block_on(async {
            let mut all = Account::default();
            while let Some(done) = timeout(ROUND_LIMIT, self.working.join_next())
                .await
                .context("a subscriber does not stop")?
            {
                all = all.and(done.context("a subscriber panicked")?);
            }
            anyhow::Ok(all)
        })?;
        self.system.console.step(&account.summary());
        if !allowed.ended_calls {
            account.failed.append(&mut account.ended_calls);
        }
        ensure!(account.lost.is_empty(), "lost: {:#?}", account.lost);
        ensure!(
            account.failed.len() <= allowed.failed,
            "{} RPCs failed, only {} may: {:#?}",
            account.failed.len(),
            allowed.failed,
            account.failed
        );
        ensure!(
            allowed.lost_with_redis || account.lost_with_redis.is_empty(),
            "lost, though Redis kept its data: {:#?}",
            account.lost_with_redis
        );
        ensure!(
            account.rounds >= SUBSCRIBERS,
            "only {} rounds were completed",
            account.rounds
        );
        Ok(())
    }
}
