//! The state of one connection: its requests in progress, and how long it or its peer has been silent.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::bounds::Bounds;
use crate::places::Place;
use crate::relief::Reason;

/// One connection.
#[derive(Debug)]
pub(super) struct Life {
    place: Place,
    opened: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The number of requests so far.
    requests: u64,
    in_progress: usize,
    /// When the last request ended.
    silent_since: Instant,
    /// The responses that are ready for the peer. Since the moment of a response, the peer has read nothing of it.
    not_taken: HashMap<u64, Instant>,
}

/// The decision about a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// The connection has no request in progress. It accepts no new one, and ends. The reason is counted.
    Close(Reason),
    /// The connection has its maximum age. It accepts no new request, and ends after the requests in progress.
    Age,
    /// The connection ends immediately. The reason is counted.
    Cut(Reason),
}

impl Life {
    pub(super) fn new(place: Place) -> Self {
        let opened = Instant::now();
        Self {
            place,
            opened,
            state: Mutex::new(State {
                requests: 0,
                in_progress: 0,
                silent_since: opened,
                not_taken: HashMap::new(),
            }),
        }
    }

    /// Waits until the connection has lost its place.
    pub(super) async fn lost(&self) {
        self.place.lost().await;
    }

    /// Records the start of a request, and returns its number.
    pub(super) fn begin(&self) -> u64 {
        let mut state = self.state();
        state.requests += 1;
        state.in_progress += 1;
        if state.in_progress == 1 {
            self.place.busy();
        }
        state.requests
    }

    /// Records the end of a request.
    pub(super) fn end(&self, request: u64) {
        let mut state = self.state();
        state.not_taken.remove(&request);
        state.in_progress -= 1;
        if state.in_progress == 0 {
            state.silent_since = Instant::now();
            self.place.silent();
        }
    }

    /// Records that a part of a response is ready, and that the peer must read it.
    pub(super) fn ready(&self, request: u64) {
        self.state().not_taken.insert(request, Instant::now());
    }

    /// Records that the peer has read all parts of a response that were ready.
    pub(super) fn taken(&self, request: u64) {
        self.state().not_taken.remove(&request);
    }

    /// Decides whether the connection keeps its place at the time `now`.
    pub(super) fn judge(&self, now: Instant, bounds: &Bounds) -> Verdict {
        let state = self.state();
        let since = |moment: Instant| now.saturating_duration_since(moment);
        if state
            .not_taken
            .values()
            .any(|ready| since(*ready) >= bounds.write)
        {
            return Verdict::Cut(Reason::Write);
        }
        if state.requests == 0 && since(self.opened) >= bounds.first_request {
            return Verdict::Cut(Reason::FirstRequest);
        }
        if state.in_progress == 0 && since(state.silent_since) >= bounds.idle {
            return Verdict::Close(Reason::Idle);
        }
        if since(self.opened) >= bounds.age {
            return Verdict::Age;
        }
        Verdict::Keep
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
