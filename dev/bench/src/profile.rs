//! Measures the processor time of each program during a measurement.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use procfs::process::{Process, all_processes};
use serde::Serialize;

/// The kernel keeps at most this many bytes of a process name.
const KERNEL_NAME: usize = 15;

/// The processor time of one program, which is part of the system or is the load generator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The name of the program.
    pub program: String,
    /// The processor time for one request, in microseconds.
    pub micros: f64,
}

/// Adds up processor time during measurements.
pub(super) struct Profile {
    home: PathBuf,
    ticks: BTreeMap<String, u64>,
    calls: f64,
}

impl Profile {
    /// A profile of the system in this directory and of this process.
    pub(super) fn of(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            ticks: BTreeMap::new(),
            calls: 0.0,
        }
    }

    /// Measures while `work` runs. `calls` returns the number of requests that it made.
    pub(super) async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T>>,
        calls: impl FnOnce(&T) -> f64,
    ) -> Result<T> {
        let before = self.used()?;
        let done = work.await?;
        for (pid, (program, after)) in self.used()? {
            let already = before.get(&pid).map_or(0, |(_, ticks)| *ticks);
            *self.ticks.entry(program).or_default() += after.saturating_sub(already);
        }
        self.calls += calls(&done);
        Ok(done)
    }

    /// The parts of all programs; the largest comes first.
    pub(super) fn parts(&self) -> Vec<Part> {
        #[allow(clippy::cast_precision_loss, reason = "some minutes of ticks")]
        let micros = |ticks: u64| ticks as f64 * 1e6 / procfs::ticks_per_second() as f64;
        let part = |(program, ticks): (&String, &u64)| Part {
            program: program.clone(),
            micros: micros(*ticks) / self.calls,
        };
        let mut parts: Vec<Part> = self.ticks.iter().map(part).collect();
        parts.sort_by(|one, other| other.micros.total_cmp(&one.micros));
        parts
    }

    /// The program name and the ticks so far of each of our processes, by process id. A process
    /// that ends meanwhile is left out.
    fn used(&self) -> Result<HashMap<i32, (String, u64)>> {
        let processes = all_processes().context("cannot read /proc")?;
        let ours = processes.flatten().filter(|process| self.is_ours(process));
        Ok(ours
            .filter_map(|process| {
                let stat = process.stat().ok()?;
                let used = stat.utime + stat.stime;
                Some((process.pid, (program(&process, stat.comm)?, used)))
            })
            .collect())
    }

    fn is_ours(&self, process: &Process) -> bool {
        u32::try_from(process.pid) == Ok(std::process::id())
            || process.cwd().is_ok_and(|cwd| cwd.starts_with(&self.home))
            || process.cmdline().is_ok_and(|words| {
                let home = self.home.to_string_lossy();
                words.iter().any(|word| word.contains(home.as_ref()))
            })
    }
}

/// The program name of a process: the kernel's name, or the file name if the kernel's name may be
/// cut off. The kernel's name is preferred, because a file may have the name of another program:
/// Debian's Redis server runs from the file `redis-check-rdb`.
fn program(process: &Process, comm: String) -> Option<String> {
    if comm.len() < KERNEL_NAME {
        return Some(comm);
    }
    Some(process.exe().ok()?.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn processor_time_is_reported_for_each_request() {
        let home = tempfile::tempdir().unwrap();
        let mut profile = Profile::of(home.path());
        let begun = Instant::now();
        let busy = async {
            while begun.elapsed() < Duration::from_millis(200) {}
            Ok(4.0)
        };
        profile.during(busy, |calls| *calls).await.unwrap();
        let parts = profile.parts();
        let [part] = parts.as_slice() else {
            panic!("{parts:?}")
        };
        assert!(part.micros > 0.0 && part.micros < 1e6, "{part:?}");
        assert!(part.program.starts_with("aikagi_bench"), "{part:?}");
    }
}
