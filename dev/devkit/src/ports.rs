//! TCP ports of this machine.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use aikagi_installation::random::fill;
use aikagi_installation::workloads::Service;
use anyhow::{Result, bail};

/// The ports to choose from. The kernel takes the ports of outgoing connections from a higher
/// range, so no connection takes a port before its server does.
const RANGE: std::ops::Range<u16> = 12_000..32_000;
/// The distance between the ports of two consecutive replicas of a service.
const REPLICA_STEP: u16 = 10;

/// The loopback ports of one replica of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The port that the service serves. The edge's is the public port, and the gateway's is the private port.
    pub main: u16,
    /// The edge's port for health checks.
    pub health: Option<u16>,
}

/// The usual ports of a replica. The first replica is 0.
pub fn usual_ports(service: Service, replica: u16) -> Ports {
    let step = replica.saturating_mul(REPLICA_STEP);
    let (main, health) = match service {
        Service::Edge => (8443, Some(7306)),
        Service::Gateway => (8444, None),
        Service::Issuance => (7301, None),
        Service::Authentication => (7302, None),
        Service::Password => (7303, None),
        Service::Units => (7304, None),
    };
    Ports {
        main: main + step,
        health: health.map(|port: u16| port + step),
    }
}

/// Free ports for a replica.
pub fn free_ports(service: Service) -> Result<Ports> {
    let health = match service {
        Service::Edge => Some(free()?),
        Service::Gateway
        | Service::Issuance
        | Service::Authentication
        | Service::Password
        | Service::Units => None,
    };
    Ok(Ports {
        main: free()?,
        health,
    })
}

/// A loopback port that is free at this moment. It is random, so two programs that ask at the same
/// time seldom get the same port.
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

/// Fails if the port is in use. The error names the port and `what`, the program that needs it.
pub fn require_free(port: u16, what: &str) -> Result<()> {
    if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        bail!("port {port}, which {what} needs, cannot be used: {error}");
    }
    Ok(())
}

/// True if a server accepts connections on the loopback port.
pub fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_port_in_use() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(answers(port));
        let error = require_free(port, "the gateway").unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("the gateway"));
    }

    #[test]
    fn no_two_replicas_share_a_port() {
        let mut seen = std::collections::BTreeSet::new();
        for service in Service::ALL {
            for replica in 0..9 {
                let ports = usual_ports(service, replica);
                assert!(seen.insert(ports.main));
                assert!(ports.health.is_none_or(|port| seen.insert(port)));
            }
        }
    }
}
