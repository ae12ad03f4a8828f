//! Checks of one session wait for one another (OPS-6). So a session that is checked very often in parallel does not take
//! the processor and the stores from the checks of other sessions.
//!
//! A waiting check holds one of the service's places for RPCs. So the number of waiting checks is bounded, for each
//! session and in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aikagi_domain::session::TokenDigest;
use aikagi_refusal::{ErrorReason, Refusal};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// After this time, a caller whose check was refused may try again.
const RETRY: Duration = Duration::from_secs(1);

/// The sessions that are being checked. Clones share them. A session without a check takes no memory.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    queues: Arc<Mutex<Queues>>,
    /// The maximum number of waiting checks of one session.
    of_one: usize,
    /// The maximum number of waiting checks of all sessions.
    of_all: usize,
}

#[derive(Debug, Default)]
struct Queues {
    of: HashMap<TokenDigest, Queue>,
    /// The number of waiting checks of all sessions.
    waiting: usize,
}

/// The check of one session that is in progress, and the checks that wait for it.
#[derive(Debug, Default)]
struct Queue {
    lock: Arc<AsyncMutex<()>>,
    checks: usize,
}

/// The turn of one check, or its place in the queue. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    digest: TokenDigest,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// The turns of a service that has this number of places for RPCs. The waiting checks of one session take at most a
    /// quarter of the places, and those of all sessions take at most half of them.
    pub(crate) fn new(places: usize) -> Self {
        Self {
            queues: Arc::default(),
            of_one: places / 4,
            of_all: places / 2,
        }
    }

    /// Waits until no other check of this session is in progress here. The turns come in the order of arrival.
    ///
    /// Fails with `OVERLOADED` if too many checks wait. The only check of a session is never refused.
    pub(crate) async fn wait(&self, digest: &TokenDigest) -> Result<Turn<'_>, Refusal> {
        // The turn exists before the wait, so that a cancelled wait leaves nothing behind.
        let (mut turn, lock) = self.join(digest)?;
        turn.guard = Some(lock.lock_owned().await);
        Ok(turn)
    }

    fn join(&self, digest: &TokenDigest) -> Result<(Turn<'_>, Arc<AsyncMutex<()>>), Refusal> {
        let mut queues = self.queues();
        let checks = queues.of.get(digest).map_or(0, |queue| queue.checks);
        if checks > 0 {
            if checks > self.of_one || queues.waiting >= self.of_all {
                return Err(Refusal::new(ErrorReason::Overloaded).retry_after(RETRY));
            }
            queues.waiting += 1;
        }
        let queue = queues.of.entry(*digest).or_default();
        queue.checks += 1;
        let turn = Turn {
            turns: self,
            digest: *digest,
            guard: None,
        };
        Ok((turn, Arc::clone(&queue.lock)))
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut queues = self.turns.queues();
        let Some(queue) = queues.of.get_mut(&self.digest) else {
            return;
        };
        queue.checks -= 1;
        if queue.checks > 0 {
            queues.waiting -= 1;
        } else {
            queues.of.remove(&self.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    /// OPS-6: checks of one session take turns. Checks of different sessions do not wait. Ended and cancelled turns
    /// leave nothing behind.
    #[tokio::test]
    async fn checks_of_one_session_take_turns() {
        let turns = Turns::new(64);
        let (one, other) = (TokenDigest([1; 32]), TokenDigest([2; 32]));
        let first = turns.wait(&one).await.unwrap();
        let mut second = Box::pin(turns.wait(&one));
        let mut cancelled = Box::pin(turns.wait(&one));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(cancelled.as_mut().now_or_never().is_none());
        drop(turns.wait(&other).now_or_never().expect("it need not wait"));
        drop(cancelled);
        drop(first);
        let second = tokio::time::timeout(Duration::from_secs(5), second).await;
        let second = second.unwrap().unwrap();
        assert_eq!(turns.queues().of.len(), 1);
        drop(second);
        assert!(turns.queues().of.is_empty());
        assert_eq!(turns.queues().waiting, 0);
    }

    /// OPS-6: the waiting checks of one session, and those of all sessions, take only a part of the service's places.
    /// The only check of a session is never refused.
    #[test]
    fn waiting_checks_are_bounded() {
        let turns = Turns::new(8);
        let mut held = Vec::new();
        for (session, expected) in [
            (1, None),
            (1, None),
            (1, None),
            (1, Some(ErrorReason::Overloaded)),
            (2, None),
            (2, None),
            (2, None),
            (3, None),
            (3, Some(ErrorReason::Overloaded)),
        ] {
            let joined = turns.join(&TokenDigest([session; 32]));
            let refused = joined.as_ref().err().map(Refusal::reason);
            assert_eq!(refused, expected, "session {session}");
            held.extend(joined);
        }
    }
}
