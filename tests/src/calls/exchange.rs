//! A real Asterisk in a container, with this repository's dialplan.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aikagi_devkit::command::{run, wait_until};
use anyhow::{Context, Result, bail};

use super::caller::Trunk;

/// Where the image has the recordings.
pub(super) const SOUNDS: &str = "/usr/share/aikagi/sounds";
/// Where it writes, and as whom.
const WRITTEN: &str = "/run/asterisk:uid=65532,gid=65532,mode=0700";
const READY_LIMIT: Duration = Duration::from_mins(1);

/// A container of Asterisk on this machine's loopback; dropping it removes it.
pub(super) struct Exchange {
    name: String,
    /// The way to it.
    pub(super) trunk: Trunk,
    log: PathBuf,
}

impl Exchange {
    /// Starts an Asterisk that hands calls to the FastAGI port `agi` and ends them after `longest`.
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
        let exchange = Self {
            log: home.join(format!("asterisk-{port}.log")),
            name,
            trunk: Trunk {
                here: Ipv4Addr::LOCALHOST,
                asterisk: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            },
        };
        let booted = || exchange.ask("core waitfullybooted").is_ok();
        if !wait_until(READY_LIMIT, booted) {
            bail!("Asterisk is not ready: {}", exchange.said());
        }
        Ok(exchange)
    }

    /// What Asterisk answers to a command of its console.
    pub(super) fn ask(&self, command: &str) -> Result<String> {
        run(Command::new("docker").args(["exec", &self.name, "asterisk", "-rx", command]))
    }

    /// No call is in progress any more, within a moment.
    pub(super) fn is_idle(&self) -> bool {
        wait_until(Duration::from_secs(20), || {
            self.ask("core show channels count")
                .is_ok_and(|said| said.contains("0 active calls"))
        })
    }

    /// Everything that it has logged.
    pub(super) fn said(&self) -> String {
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

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.log, self.said());
        let _ = run(Command::new("docker").args(["rm", "--force", "--volumes", &self.name]));
    }
}

/// A path in this repository.
pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
