//! Checks of one session wait for one another (OPS-6). So a session that is checked very often in parallel does not take
//! the processor and the stores from the checks of other sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aikagi_domain::session::TokenDigest;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Lock = Arc<AsyncMutex<()>>;

/// The sessions that are being checked. Clones share them. A session without a check takes no memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    locks: Arc<Mutex<HashMap<TokenDigest, Lock>>>,
}

/// The turn of one check, or its place in the queue. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    digest: TokenDigest,
    lock: Option<Lock>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until no other check of this session is in progress here. The turns come in the order of arrival.
    pub(crate) async fn wait(&self, digest: &TokenDigest) -> Turn<'_> {
        let lock = Arc::clone(self.locks().entry(*digest).or_default());
        // The turn exists before the wait, so that a cancelled wait leaves nothing behind.
        let mut turn = Turn {
            turns: self,
            digest: *digest,
            lock: Some(Arc::clone(&lock)),
            guard: None,
        };
        turn.guard = Some(lock.lock_owned().await);
        turn
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<TokenDigest, Lock>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut locks = self.turns.locks();
        self.lock = None;
        // Only the map still has the lock: nobody waits for it.
        if locks
            .get(&self.digest)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            locks.remove(&self.digest);
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
        let turns = Turns::default();
        let (one, other) = (TokenDigest([1; 32]), TokenDigest([2; 32]));
        let first = turns.wait(&one).await;
        let mut second = Box::pin(turns.wait(&one));
        let mut cancelled = Box::pin(turns.wait(&one));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(cancelled.as_mut().now_or_never().is_none());
        drop(turns.wait(&other).now_or_never().expect("it need not wait"));
        drop(cancelled);
        drop(first);
        let second = tokio::time::timeout(Duration::from_secs(5), second).await;
        assert_eq!(turns.locks().len(), 1);
        drop(second);
        assert!(turns.locks().is_empty());
    }
}
