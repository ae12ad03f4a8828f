//! The threads that hash. They do nothing else, and have a lower priority than other threads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use rustix::process::setpriority_process;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::SettingsError;
use crate::arena::Arena;
use crate::engine::Engine;

type Work = Box<dyn FnOnce(&mut Arena) + Send>;

/// A fixed number of threads, each with an arena. They end when this is dropped and the submitted work is done.
pub(crate) struct Workers {
    queue: Arc<Queue>,
    threads: usize,
}

/// Submitted work. Each admitted caller has at most one piece of work in the queue, so the number of the
/// pool's slots bounds its length.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    work: BinaryHeap<Reverse<Submitted>>,
    closed: bool,
}

/// Work with the number of its caller's admission.
struct Submitted {
    admission: u64,
    work: Work,
}

impl Workers {
    /// Starts the threads with this nice value. If `cores` is not empty, each thread runs on one of these cores.
    pub(crate) fn start(
        threads: usize,
        engine: Engine,
        nice: u8,
        cores: &[usize],
    ) -> Result<Self, SettingsError> {
        // After an error `workers` is dropped, which ends the threads that have started.
        let workers = Self {
            queue: Arc::default(),
            threads,
        };
        for index in 0..threads {
            let core = cores.get(index % cores.len().max(1)).copied();
            let queue = Arc::clone(&workers.queue);
            let (sender, placed) = mpsc::channel();
            thread::Builder::new()
                .name(format!("hash-{index}"))
                .spawn(move || {
                    let _ = sender.send(place(nice, core));
                    queue.serve(&mut Arena::new(engine));
                })
                .map_err(|source| SettingsError::Thread {
                    key: "threads",
                    source,
                })?;
            placed.recv().unwrap_or(Ok(()))?;
        }
        Ok(workers)
    }

    /// The number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Queues work. A free thread takes the work with the earliest admission.
    pub(crate) fn submit(&self, admission: u64, work: impl FnOnce(&mut Arena) + Send + 'static) {
        self.queue.lock().work.push(Reverse(Submitted {
            admission,
            work: Box::new(work),
        }));
        self.queue.changed.notify_one();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_all();
    }
}

impl Queue {
    fn serve(&self, arena: &mut Arena) {
        while let Some(work) = self.next() {
            // After a panic the caller gets an error, and the thread continues with other work.
            let _ = catch_unwind(AssertUnwindSafe(|| work(arena)));
        }
    }

    /// Waits for work. `None` once the queue is closed and empty.
    fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if let Some(Reverse(next)) = state.work.pop() {
                return Some(next.work);
            }
            if state.closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lowers the priority of this thread and binds it to its core.
fn place(nice: u8, core: Option<usize>) -> Result<(), SettingsError> {
    let failed = |key| {
        move |error: rustix::io::Errno| SettingsError::Thread {
            key,
            source: io::Error::from(error),
        }
    };
    // On Linux, `None` means the calling thread only.
    setpriority_process(None, nice.into()).map_err(failed("nice"))?;
    if let Some(core) = core {
        if core >= CpuSet::MAX_CPU {
            return Err(failed("cores")(rustix::io::Errno::INVAL));
        }
        let mut cores = CpuSet::new();
        cores.set(core);
        sched_setaffinity(None, &cores).map_err(failed("cores"))?;
    }
    Ok(())
}

impl Ord for Submitted {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.admission.cmp(&other.admission)
    }
}

impl PartialOrd for Submitted {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Submitted {
    fn eq(&self, other: &Self) -> bool {
        self.admission == other.admission
    }
}

impl Eq for Submitted {}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(nice: u8, cores: &[usize]) -> Result<Workers, SettingsError> {
        Workers::start(1, Engine::Portable, nice, cores)
    }

    /// The only thread is busy until all work is queued.
    #[test]
    fn work_is_done_in_the_order_of_admission() {
        let workers = start(0, &[]).unwrap();
        let (go, gate) = mpsc::channel::<()>();
        let (sender, started) = mpsc::channel();
        workers.submit(0, move |_| {
            sender.send(()).unwrap();
            gate.recv().unwrap();
        });
        started.recv().unwrap();
        let (done, order) = mpsc::channel();
        for admission in [3, 1, 2] {
            let done = done.clone();
            workers.submit(admission, move |_| done.send(admission).unwrap());
        }
        go.send(()).unwrap();
        let order: Vec<u64> = order.iter().take(3).collect();
        assert_eq!(order, [1, 2, 3]);
    }

    #[test]
    fn a_thread_continues_after_a_panic() {
        let workers = start(0, &[]).unwrap();
        let (sender, done) = mpsc::channel();
        workers.submit(0, |_| panic!("on purpose"));
        workers.submit(1, move |_| sender.send(()).unwrap());
        done.recv().unwrap();
    }

    /// Submitted work is done even after the workers are dropped. Then the threads end.
    #[test]
    fn threads_end_with_the_pool() {
        let workers = start(0, &[]).unwrap();
        let queue = Arc::clone(&workers.queue);
        let (sender, done) = mpsc::channel();
        workers.submit(0, move |_| sender.send(()).unwrap());
        drop(workers);
        done.recv().unwrap();
        while Arc::strong_count(&queue) > 1 {
            thread::yield_now();
        }
    }

    #[test]
    fn threads_have_the_nice_value_and_the_core_of_the_settings() {
        let first = first_core();
        let workers = start(7, &[first]).unwrap();
        let (sender, done) = mpsc::channel();
        workers.submit(0, move |_| {
            let nice = rustix::process::getpriority_process(None).unwrap();
            let cores = rustix::thread::sched_getaffinity(None).unwrap();
            sender
                .send((nice, cores.is_set(first), cores.count()))
                .unwrap();
        });
        assert_eq!(done.recv().unwrap(), (7, true, 1));

        let refused = start(0, &[CpuSet::MAX_CPU + 1]).err().unwrap();
        assert!(refused.to_string().contains("hashing.cores"), "{refused}");
    }

    /// The first core that this process may use.
    fn first_core() -> usize {
        let cores = rustix::thread::sched_getaffinity(None).unwrap();
        (0..CpuSet::MAX_CPU)
            .find(|core| cores.is_set(*core))
            .unwrap()
    }
}
