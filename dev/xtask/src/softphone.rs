//! Starts the softphone (`dev/softphone`) beside a system.

use std::fs::File;
use std::path::Path;
use std::process::Child;

use aikagi_devkit::{command, process, system_file};
use anyhow::{Context, Result};

/// The loopback port of the softphone's page under `cargo xtask up`.
pub(crate) const PORT: u16 = 8480;

/// A running softphone. It stops when this value is dropped.
pub(crate) struct Softphone(Child);

impl Softphone {
    /// Starts the softphone, with its page on this loopback port. Does not wait until the page responds.
    pub(crate) fn start(home: &Path, binaries: &Path, logs: &Path, port: u16) -> Result<Self> {
        let log = File::create(logs.join("softphone.log")).context("cannot write a log")?;
        let program = process::executable(binaries, "aikagi-softphone")?;
        let mut command = command::tied(&program, "TERM");
        command
            .arg("--state")
            .arg(home.join(system_file::NAME))
            .args(["--port", &port.to_string()])
            .stderr(log);
        Ok(Self(command::spawn(command)?))
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
