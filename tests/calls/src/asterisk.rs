//! A real Asterisk in a container, with the dialplan of this repository.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aikagi_devkit::command::{run, wait_until};
use anyhow::{Context, Result, bail};

use super::caller::Trunk;

/// The directory of the recordings in the image.
pub(super) const SOUNDS: &str = "/usr/share/aikagi/sounds";
/// The only writable mount, and its owner.
const WRITTEN: &str = "/run/asterisk:uid=65532,gid=65532,mode=0700";
const READY_LIMIT: Duration = Duration::from_mins(1);

/// A container of Asterisk on this machine's loopback; dropping it removes it.
pub(super) struct AsteriskContainer {
    name: String,
    /// The addresses of caller and Asterisk.
    pub(super) trunk: Trunk,
    log: PathBuf,
}

impl AsteriskContainer {
    /// Starts an Asterisk that passes calls to the FastAGI port `agi` and ends each call after `longest`.
    pub(super) fn start(image: &str, home: &Path, agi: u16, longest: Duration) -> Result<Self> {
        let port = std::net::UdpSocket::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let name = format!("aikagi-call-test-{}-{port}", std::process::id());
        let mut docker = Command::new("docker");
        docker
            .args(["run", "--detach", "--name", &name, "--network", "host"])
            .args(["--cap-drop", "ALL", "--security-opt", "no-new-privileges"])
            .args(["--read-only", "--tmpfs", WRITTEN])
            .args(["--env", &format!("AIKAGI_IVR=127.0.0.1:{agi}")])
            .args(["--env", &format!("AIKAGI_LONGEST={}", longest.as_secs())])
            .args(["--env", &format!("AIKAGI_SIP_LISTEN=127.0.0.1:{port}")])
            .args(["--env", "AIKAGI_TRUNK=127.0.0.1"]);
        run(docker.arg(image)).context("cannot start Asterisk")?;
        let asterisk = Self {
            log: home.join(format!("asterisk-{port}.log")),
            name,
            trunk: Trunk {
                here: Ipv4Addr::LOCALHOST,
                asterisk: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            },
        };
        let booted = || asterisk.ask("core waitfullybooted").is_ok();
        if !wait_until(READY_LIMIT, booted) {
            bail!("Asterisk is not ready: {}", asterisk.logged());
        }
        Ok(asterisk)
    }

    /// Runs a command on Asterisk's console and returns its output.
    pub(super) fn ask(&self, command: &str) -> Result<String> {
        run(Command::new("docker").args(["exec", &self.name, "asterisk", "-rx", command]))
    }

    /// Waits up to 20 seconds until no call is in progress. False if a call still is.
    pub(super) fn is_idle(&self) -> bool {
        wait_until(Duration::from_secs(20), || {
            self.ask("core show channels count")
                .is_ok_and(|logged| logged.contains("0 active calls"))
        })
    }

    /// Everything that Asterisk has logged.
    pub(super) fn logged(&self) -> String {
        let output = Command::new("docker").args(["logs", &self.name]).output();
        output.map_or_else(
            |error| error.to_string(),
            |output| {
                let text = [output.stdout, output.stderr].concat();
                String::from_utf8_lossy(&text).into_owned()
            },
        )
    }
}

impl Drop for AsteriskContainer {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.log, self.logged());
        let _ = run(Command::new("docker").args(["rm", "--force", "--volumes", &self.name]));
    }
}

/// A path in this repository, relative to its root.
pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}
