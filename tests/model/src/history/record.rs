//! Records operations and responses, in the order in which the clients saw them.

use std::sync::Mutex;

use tokio::sync::watch;

use super::operation::{Operation, Response};

/// A position in the order of all recorded events.
pub type Tick = usize;

/// An operation as its client saw it.
#[derive(Debug, Clone)]
pub struct RecordedOperation {
    /// The client.
    pub client: usize,
    /// The operation.
    pub operation: Operation,
    /// When the client sent the request.
    pub begun: Tick,
    /// When the response came. Without a response: when the operation could have no further effect.
    pub ended: Tick,
    /// The response. `None` if it was lost.
    pub response: Option<Response>,
    /// True if a part of the system failed before the response came or was known to be lost. Steps
    /// that depend on that part may have been retried or abandoned.
    pub is_after_a_fault: bool,
    /// LOGIN-4: true if authentication was killed before `ended`. A charge of the operation may then stay open.
    pub is_after_a_crash: bool,
}

/// Records operations. Each method that records something holds a lock
/// for a short time only.
#[derive(Debug)]
pub struct Recorder {
    operations: Mutex<Vec<Noted>>,
    tick: watch::Sender<Tick>,
    first_fault: Mutex<Option<Tick>>,
    first_crash: Mutex<Option<Tick>>,
}

#[derive(Debug)]
struct Noted {
    client: usize,
    operation: Operation,
    begun: Tick,
    ended: Option<(Tick, Option<Response>)>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// A recorder without any operation.
    pub fn new() -> Self {
        Self {
            operations: Mutex::default(),
            tick: watch::Sender::new(0),
            first_fault: Mutex::default(),
            first_crash: Mutex::default(),
        }
    }

    /// Records that a client is about to send a request. Returns the argument for [`Self::end`].
    pub fn begin(&self, client: usize, operation: Operation) -> usize {
        let mut operations = self.operations.lock().unwrap();
        operations.push(Noted {
            client,
            operation,
            begun: self.next(),
            ended: None,
        });
        operations.len() - 1
    }

    /// Records that the client has its response. `None` if the response was lost.
    pub fn end(&self, begun: usize, response: Option<Response>) {
        let mut operations = self.operations.lock().unwrap();
        operations[begun].ended = Some((self.next(), response));
    }

    /// Records that a part of the system failed. Operations may depend on that part.
    pub fn fault(&self) {
        let tick = self.next();
        self.first_fault.lock().unwrap().get_or_insert(tick);
    }

    /// Records that authentication was killed. It loses the refunds of the attempts in progress.
    pub fn crash(&self) {
        let tick = self.next();
        self.first_crash.lock().unwrap().get_or_insert(tick);
    }

    /// Records that no operation is in progress, not even one whose response was lost. Returns the
    /// tick.
    pub fn quiet(&self) -> Tick {
        self.next()
    }

    /// Waits until the given tick.
    pub async fn until(&self, tick: Tick) {
        let reached = self
            .tick
            .subscribe()
            .wait_for(|now| *now >= tick)
            .await
            .is_ok();
        assert!(reached, "the recorder was dropped");
    }

    /// Takes the operations recorded since the last call of this function, in the order in which
    /// they began. An operation without a response ended at `quiet`.
    pub fn take(&self, quiet: Tick) -> Vec<RecordedOperation> {
        let first_fault = self.first_fault.lock().unwrap().take();
        let first_crash = self.first_crash.lock().unwrap().take();
        let operations = std::mem::take(&mut *self.operations.lock().unwrap());
        let recorded = |noted: Noted| {
            let (tick, response) = noted.ended.expect("every operation has ended");
            let ended = if response.is_some() { tick } else { quiet };
            RecordedOperation {
                client: noted.client,
                operation: noted.operation,
                begun: noted.begun,
                ended,
                response,
                is_after_a_fault: first_fault.is_some_and(|fault| fault < tick),
                is_after_a_crash: first_crash.is_some_and(|crash| crash < ended),
            }
        };
        operations.into_iter().map(recorded).collect()
    }

    fn next(&self) -> Tick {
        let mut next = 0;
        self.tick.send_modify(|tick| {
            *tick += 1;
            next = *tick;
        });
        next
    }
}
