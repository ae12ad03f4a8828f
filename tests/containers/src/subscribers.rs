//! Subscribers who use the system while a trial disturbs it. Each of them keeps an account of what the system
//! acknowledged, and notices when any of that is lost.

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

/// How many subscribers there are, and so how many RPCs are in progress at most.
pub(crate) const SUBSCRIBERS: usize = 3;
/// How long each rests between two steps. All of them have one address, which has a limit (LOGIN-8).
const PAUSE: Duration = Duration::from_millis(150);
/// No round takes longer, whatever happens to the system.
const ROUND_LIMIT: Duration = Duration::from_mins(2);

/// What a disturbance may cost. Nothing that was acknowledged may be lost from PostgreSQL, ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// How many RPCs may fail.
    pub(crate) failed: usize,
    /// True if temporary passwords and sessions may be lost, because Redis is (INV-3).
    pub(crate) lost_with_redis: bool,
}

/// No RPC may fail, and nothing may be lost.
pub(crate) const NOTHING: Allowed = Allowed {
    failed: 0,
    lost_with_redis: false,
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
    /// Adds a line for each subscriber and lets them start; returns when they have ended as many rounds as they are.
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
                    // Fails when nobody waits for rounds any more.
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

    /// Waits until `count` more rounds have ended, in whatever way.
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
                Err(RecvTimeoutError::Disconnected) => bail!("no subscriber is left"),
            }
        }
        Ok(())
    }

    /// Waits for as many rounds as there are subscribers, stops them, and compares what happened with what may.
    pub(crate) fn finish(mut self, allowed: Allowed) -> Result<()> {
        self.wait_for_rounds(SUBSCRIBERS)?;
        self.stop.store(true, Ordering::Relaxed);
        let account = self.system.runtime.block_on(async {
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
        ensure!(account.lost.is_empty(), "lost: {:#?}", account.lost);
        ensure!(
            account.failed.len() <= allowed.failed,
            "{} RPCs failed, and {} may: {:#?}",
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
