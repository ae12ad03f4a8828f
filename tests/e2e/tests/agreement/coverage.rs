//! Counts operations and responses. A run in which nothing happens proves nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// Counts how often each operation got each response.
#[derive(Default)]
pub(super) struct Coverage {
    counts: Mutex<BTreeMap<(&'static str, &'static str), usize>>,
    operations: AtomicUsize,
    /// The system on which a failing sequence is being shrunk.
    failing: OnceLock<u8>,
}

/// Responses that every long run must have.
const EXPECTED: [(&str, &str); 43] = [
    ("access", "OUT_OF_SCOPE"),
    ("access", "PASSWORD_CHANGE_REQUIRED"),
    ("access", "SESSION_ENDED"),
    ("access", "done"),
    ("add line", "NUMBER_TAKEN"),
    ("add line", "done"),
    ("add number", "NUMBER_TAKEN"),
    ("add number", "done"),
    ("change", "PASSWORD_DEAD"),
    ("change", "PASSWORD_MISMATCH"),
    ("change", "PASSWORD_POLICY"),
    ("change", "PASSWORD_REUSED"),
    ("change", "PASSWORD_WRONG"),
    ("change", "SESSION_ENDED"),
    ("change", "STALE_VIEW"),
    ("change", "done"),
    ("close line", "done"),
    ("end sessions", "done"),
    ("get line", "done"),
    ("list sessions", "done"),
    ("login", "LOGIN_REFUSED"),
    ("login", "done"),
    ("logout", "done"),
    ("look", "SESSION_ENDED"),
    ("look", "done"),
    ("migrate", "ACCOUNTS_NOT_READY"),
    ("migrate", "INVALID_FIELD"),
    ("migrate", "MIGRATION_NOT_OFFERED"),
    ("migrate", "PASSWORD_CHANGE_REQUIRED"),
    ("migrate", "PASSWORD_WRONG"),
    ("migrate", "SESSION_ENDED"),
    ("migrate", "STALE_VIEW"),
    ("migrate", "done"),
    ("preview", "done"),
    ("remove number", "CONTRACT_NUMBER_STAYS"),
    ("remove number", "done"),
    ("reset unit", "done"),
    ("set", "CALLER_REFUSED"),
    ("set", "TARGET_REFUSED"),
    ("set", "done"),
    ("subscribe", "done"),
    ("turn", "done"),
    ("unsubscribe", "done"),
];

impl Coverage {
    pub(super) fn note(&self, what: &'static str, answer: &'static str) {
        self.operations.fetch_add(1, Ordering::Relaxed);
        *self
            .counts
            .lock()
            .unwrap()
            .entry((what, answer))
            .or_default() += 1;
    }

    /// True if enough operations have been played, or a sequence has failed.
    pub(super) fn is_over(&self, wanted: usize) -> bool {
        self.operations.load(Ordering::Relaxed) >= wanted || self.failing.get().is_some()
    }

    /// Records that a sequence has failed on this system. The others stop.
    pub(super) fn fail(&self, run: u8) {
        let _ = self.failing.set(run);
    }

    pub(super) fn is_failing_elsewhere(&self, run: u8) -> bool {
        self.failing.get().is_some_and(|failing| *failing != run)
    }

    /// Logs the counts. Fails if a long run lacks an expected response.
    pub(super) fn check(&self, is_long: bool) {
        let counts = self.counts.lock().unwrap();
        for ((what, answer), count) in counts.iter() {
            tracing::info!(what, answer, count, "played");
        }
        let missing = EXPECTED
            .iter()
            .filter(|expected| !counts.contains_key(*expected));
        let missing: Vec<_> = missing.collect();
        assert!(
            !is_long || missing.is_empty(),
            "responses that never came: {missing:?}"
        );
    }
}
