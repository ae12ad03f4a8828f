//! The clock of all services. A test can move it forward and back.

use std::path::{Path, PathBuf};
use std::process::Command;

use aikagi_devkit::command::run;
use chrono::TimeDelta;

/// The clock starts this much ahead, so that the certificates are still valid after a test has
/// moved it back.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// A clock that services read instead of the machine's clock.
#[derive(Debug)]
pub(super) struct Clock {
    file: PathBuf,
    library: String,
    ahead: TimeDelta,
}

impl Clock {
    /// A clock whose file is in this directory.
    pub(super) fn in_directory(directory: &Path) -> Self {
        let files = run(Command::new("dpkg").args(["-L", "libfaketime"]));
        let files = files.expect("Debian's faketime is installed (`cargo xtask test` installs it)");
        let library = files
            .lines()
            .find(|file| file.ends_with("/libfaketime.so.1"));
        let mut clock = Self {
            file: directory.join("clock"),
            library: library.unwrap().to_owned(),
            ahead: AHEAD,
        };
        clock.step(TimeDelta::zero());
        clock
    }

    /// The environment variables that make a process use this clock. Timers still use the machine's clock.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let file = self.file.to_str().unwrap();
        [
            ("LD_PRELOAD", self.library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", file),
            ("FAKETIME_CACHE_DURATION", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Moves the clock forward or back. A running service may notice up to a second later.
    pub(super) fn step(&mut self, by: TimeDelta) {
        self.ahead += by;
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{:+}\n", self.ahead.num_seconds())).unwrap();
        std::fs::rename(next, &self.file).unwrap();
    }
}
