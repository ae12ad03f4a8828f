//! Simulates a host outside the compose project: a network namespace, linked to this machine, with
//! a listening server.

use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aikagi_devkit::command;
use anyhow::{Result, ensure};
use nix::sys::signal::Signal;

/// The name of the namespace, and of this machine's link to it.
const NAME: &str = "aikagi-outside";
const LINK: &str = "aikagi-out";
/// This machine's address on the link, from the range for documentation (RFC 5737).
const GATEWAY: &str = "198.51.100.1";
/// The server's address.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// The server's port.
pub(super) const PORT: u16 = 8099;
const LIMIT: Duration = Duration::from_secs(10);

/// The simulated host. Dropping it removes the namespace and the link.
pub(super) struct OutsideHost(Option<Child>);

impl OutsideHost {
    /// Creates the namespace and the link, and starts the server. When this returns, the server accepts connections.
    pub(super) fn start() -> Result<Self> {
        let mut host = Self(None);
        host.remove();
        let [here, there] = [format!("{GATEWAY}/30"), format!("{ADDRESS}/30")];
        for arguments in [
            &["netns", "add", NAME][..],
            &[
                "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", NAME,
            ],
            &["address", "add", &here, "dev", LINK],
            &["link", "set", LINK, "up"],
            &["-n", NAME, "address", "add", &there, "dev", "eth0"],
            &["-n", NAME, "link", "set", "eth0", "up"],
            &["-n", NAME, "route", "add", "default", "via", GATEWAY],
        ] {
            command::run(Command::new("ip").args(arguments))?;
        }
        // Any server will do, because no test sends a request. redis-server is always installed.
        let mut server = command::tied("ip", "TERM");
        server
            .args(["netns", "exec", NAME, "redis-server", "--save", ""])
            .args(["--bind", &ADDRESS.to_string(), "--port", &PORT.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        host.0 = Some(command::spawn(server)?);
        let address = SocketAddrV4::new(ADDRESS, PORT).into();
        let accepts = command::wait_until(LIMIT, || {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
        });
        ensure!(
            accepts,
            "the server of the simulated outside host accepts no connection"
        );
        Ok(host)
    }

    fn remove(&mut self) {
        if let Some(server) = &mut self.0 {
            command::stop(server, Signal::SIGTERM, LIMIT);
        }
        // The result is ignored: the commands fail if the namespace or the link does not exist.
        for arguments in [["netns", "delete", NAME], ["link", "delete", LINK]] {
            let _ = command::run(Command::new("ip").args(arguments));
        }
    }
}

impl Drop for OutsideHost {
    fn drop(&mut self) {
        self.remove();
    }
}
