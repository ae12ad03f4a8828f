//! A machine outside, for as long as a trial needs one: a network of its own behind this machine, where something
//! answers.

use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aikagi_devkit::command;
use anyhow::{Result, ensure};
use nix::sys::signal::Signal;

/// Its name, and its link's on this machine.
const NAME: &str = "aikagi-outside";
const LINK: &str = "aikagi-out";
/// This machine's address there, from the range for documentation (RFC 5737).
const HERE: &str = "198.51.100.1/30";
/// Where something answers.
pub(super) const THERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// And on which port.
pub(super) const PORT: u16 = 8099;
const LIMIT: Duration = Duration::from_secs(10);

/// A machine outside; dropping it takes it away.
pub(super) struct Outside(Option<Child>);

impl Outside {
    /// Sets it up; it answers when this returns.
    pub(super) fn begin() -> Result<Self> {
        let mut outside = Self(None);
        outside.forget();
        let there = format!("{THERE}/30");
        for arguments in [
            &["netns", "add", NAME][..],
            &[
                "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", NAME,
            ],
            &["address", "add", HERE, "dev", LINK],
            &["link", "set", LINK, "up"],
            &["-n", NAME, "address", "add", &there, "dev", "eth0"],
            &["-n", NAME, "link", "set", "eth0", "up"],
            &["-n", NAME, "route", "add", "default", "via", "198.51.100.1"],
        ] {
            command::run(Command::new("ip").args(arguments))?;
        }
        // Something that listens, and is installed: nobody speaks with it.
        let mut server = command::tied("ip", "TERM");
        server
            .args(["netns", "exec", NAME, "redis-server", "--save", ""])
            .args(["--bind", &THERE.to_string(), "--port", &PORT.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        outside.0 = Some(command::spawn(server)?);
        let address = SocketAddrV4::new(THERE, PORT).into();
        let answers = command::wait_until(LIMIT, || {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
        });
        ensure!(answers, "the machine outside does not answer");
        Ok(outside)
    }

    fn forget(&mut self) {
        if let Some(server) = &mut self.0 {
            command::stop(server, Signal::SIGTERM, LIMIT);
        }
        // What is not there cannot be taken away.
        for arguments in [["netns", "delete", NAME], ["link", "delete", LINK]] {
            let _ = command::run(Command::new("ip").args(arguments));
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.forget();
    }
}
