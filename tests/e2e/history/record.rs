//! What was done and answered, in the order in which it was seen.

use std::sync::Mutex;

use tokio::sync::watch;

use super::operation::{Operation, Said};

/// A moment in the order of all that was seen.
pub(crate) type Tick = usize;

/// An operation as its caller saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) client: usize,
    pub(crate) operation: Operation,
    pub(crate) begun: Tick,
    /// When the answer came; of one without, when nothing more could come of it.
    pub(crate) ended: Tick,
    /// None when it was lost.
    pub(crate) said: Option<Said>,
    /// Something was lost before it ended: what stood on that may have been sent again, or given up.
    pub(crate) is_troubled: bool,
}

/// Notes what is done, and takes no longer than that.
#[derive(Debug)]
pub(crate) struct Recorder {
    calls: Mutex<Vec<Noted>>,
    tick: watch::Sender<Tick>,
    first_trouble: Mutex<Option<Tick>>,
}

#[derive(Debug)]
struct Noted {
    client: usize,
    operation: Operation,
    begun: Tick,
    ended: Option<(Tick, Option<Said>)>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            calls: Mutex::default(),
            tick: watch::Sender::new(0),
            first_trouble: Mutex::default(),
        }
    }

    /// A client is about to ask. The call's name, to end it with.
    pub(crate) fn begin(&self, client: usize, operation: Operation) -> usize {
        let mut calls = self.calls.lock().unwrap();
        calls.push(Noted {
            client,
            operation,
            begun: self.next(),
            ended: None,
        });
        calls.len() - 1
    }

    /// The client has its answer, or knows that none will come.
    pub(crate) fn end(&self, call: usize, said: Option<Said>) {
        let mut calls = self.calls.lock().unwrap();
        calls[call].ended = Some((self.next(), said));
    }

    /// Something is lost that calls may stand on.
    pub(crate) fn trouble(&self) {
        let tick = self.next();
        self.first_trouble.lock().unwrap().get_or_insert(tick);
    }

    /// Nothing is under way any more, with or without an answer. The moment.
    pub(crate) fn quiet(&self) -> Tick {
        self.next()
    }

    /// Waits for a moment.
    pub(crate) async fn until(&self, tick: Tick) {
        let reached = self
            .tick
            .subscribe()
            .wait_for(|now| *now >= tick)
            .await
            .is_ok();
        assert!(reached, "the recorder is there");
    }

    /// The calls since the last time, in the order in which they began; those without an answer ended with `quiet`.
    pub(crate) fn take(&self, quiet: Tick) -> Vec<Call> {
        let first_trouble = self.first_trouble.lock().unwrap().take();
        let calls = std::mem::take(&mut *self.calls.lock().unwrap());
        let call = |noted: Noted| {
            let (tick, said) = noted.ended.expect("every client is done");
            Call {
                client: noted.client,
                operation: noted.operation,
                begun: noted.begun,
                ended: if said.is_some() { tick } else { quiet },
                said,
                is_troubled: first_trouble.is_some_and(|trouble| trouble < tick),
            }
        };
        calls.into_iter().map(call).collect()
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
