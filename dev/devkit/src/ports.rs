//! TCP ports of this machine.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::random::fill;

/// Below the range from which the kernel gives ports to outgoing connections, so that none of those takes
/// the port before its server does.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// A loopback port that was free a moment ago, drawn at random, so that programs which draw at the same
/// time seldom draw the same.
pub fn free() -> Result<u16> {
    for _ in 0..1_000 {
        let mut drawn = [0; 2];
        fill(&mut drawn)?;
        let port = RANGE.start + u16::from_be_bytes(drawn) % (RANGE.end - RANGE.start);
        if require_free(port, "").is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port")
}

/// Fails, naming the port and `what` wants it, when something listens there already.
pub fn require_free(port: u16, what: &str) -> Result<()> {
    if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        bail!("port {port}, which {what} needs, cannot be used: {error}");
    }
    Ok(())
}

/// Something accepts connections at the loopback port.
pub fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(answers(port));
        let error = require_free(port, "the gateway").unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("the gateway"));
    }
}
