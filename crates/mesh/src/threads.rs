//! The threads of a service's runtime.
//!
//! A runtime whose threads cannot all be started works with fewer of them, or waits for ever. So before it builds the
//! runtime, this module starts and ends the same number of threads. If one of them is refused, the service exits.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle, available_parallelism};

use tokio::runtime::{Builder, Runtime};

/// The default maximum of worker threads. A larger number would not increase the rate of RPCs, because hashing
/// has its own threads.
const MOST_BY_DEFAULT: usize = 16;
/// The maximum of the setting.
const MOST: usize = 512;
/// The maximum number of threads for calls that block, such as the resolution of names.
const BLOCKING: usize = 16;

/// Why the threads of a service cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ThreadError {
    /// The number is out of range.
    #[error("setting `server.worker_threads`: must be 1 to {MOST}")]
    OutOfRange,
    /// The operating system refuses a thread.
    #[error(
        "thread {number} of {count} cannot be started: {source}; raise the limit of processes or of memory, or lower `server.worker_threads`"
    )]
    Refused {
        /// The number of the thread.
        number: usize,
        /// The number of threads that the service needs.
        count: usize,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The runtime cannot be built.
    #[error(transparent)]
    Runtime(#[from] std::io::Error),
}

/// The number of cores that this process may use, at most 16. The CPU quota of its cgroup counts, in v1 and v2.
pub(crate) fn default_workers() -> usize {
    available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MOST_BY_DEFAULT)
}

/// Builds a runtime with this number of worker threads. Fails if the operating system does not allow all its threads.
pub(crate) fn runtime(workers: usize) -> Result<Runtime, ThreadError> {
    if !(1..=MOST).contains(&workers) {
        return Err(ThreadError::OutOfRange);
    }
    try_threads(workers.saturating_add(BLOCKING), |body| {
        thread::Builder::new().spawn(body)
    })?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()?;
    Ok(runtime)
}

/// Starts this number of threads, and ends them. No thread ends before all of them have started, or one was refused.
fn try_threads(
    count: usize,
    spawn: impl Fn(Box<dyn FnOnce() + Send>) -> std::io::Result<JoinHandle<()>>,
) -> Result<(), ThreadError> {
    let (all_started, waiting) = mpsc::channel::<()>();
    let waiting = Arc::new(Mutex::new(waiting));
    let mut started = Vec::with_capacity(count);
    let mut refused = None;
    for number in 1..=count {
        let waiting = Arc::clone(&waiting);
        let body = move || {
            // Returns when the other end is dropped.
            let _ = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
        };
        match spawn(Box::new(body)) {
            Ok(thread) => started.push(thread),
            Err(source) => {
                refused = Some(ThreadError::Refused {
                    number,
                    count,
                    source,
                });
                break;
            }
        }
    }
    drop(all_started);
    for thread in started {
        let _ = thread.join();
    }
    refused.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{Error, ErrorKind};

    use super::*;

    /// A refused thread is an error that says what to change. The threads that have started end.
    #[test]
    fn a_refused_thread_is_an_error() {
        let (ended, endings) = mpsc::channel();
        let asked = Cell::new(0);
        let refused = try_threads(5, |body| {
            asked.set(asked.get() + 1);
            if asked.get() == 3 {
                return Err(Error::from(ErrorKind::WouldBlock));
            }
            let ended = ended.clone();
            thread::Builder::new().spawn(move || {
                body();
                ended.send(()).unwrap();
            })
        })
        .unwrap_err();
        drop(ended);
        assert_eq!(endings.iter().count(), 2);
        let text = refused.to_string();
        assert!(
            text.starts_with("thread 3 of 5 cannot be started"),
            "{text}"
        );
        assert!(text.contains("server.worker_threads"), "{text}");
    }

    #[test]
    fn a_runtime_has_the_configured_number_of_workers() {
        let runtime = runtime(3).unwrap();
        assert_eq!(runtime.metrics().num_workers(), 3);
        for wrong in [0, MOST + 1] {
            let refused = super::runtime(wrong).unwrap_err();
            assert!(matches!(refused, ThreadError::OutOfRange));
        }
    }

    #[test]
    fn the_default_is_bounded() {
        let cores = available_parallelism().unwrap().get();
        assert_eq!(default_workers(), cores.min(MOST_BY_DEFAULT));
    }
}
