//! The bounds of a port (OPS-5). They limit how many connections, handshakes and requests the port holds, in all and
//! for each client address. They also limit how long each of these may be silent.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;

use crate::connection::Clients;

/// The prefix lengths of the IPv6 networks that a subscriber may have, from the smallest to the largest. The second
/// value is a factor: the bounds of one address times this factor are the bounds of the network.
const IPV6_PREFIXES: [(u8, usize); 3] = [(64, 1), (56, 2), (48, 4)];

/// The settings `server.bounds` and `public.bounds`, which replace defaults. The defaults of a port for anyone are
/// tighter than those of a port for workloads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoundSettings {
    /// The maximum number of connections. When it is exceeded, the connection that was silent longest is closed.
    pub connections: Option<usize>,
    /// The maximum number of handshakes in progress. When it is exceeded, the oldest one is closed.
    pub handshakes: Option<usize>,
    /// The maximum number of connections from one client address. When it is exceeded, the connection of that address
    /// that was silent longest is closed.
    pub address_connections: Option<usize>,
    /// The maximum number of handshakes in progress from one client address. When it is exceeded, the oldest one of
    /// that address is closed.
    pub address_handshakes: Option<usize>,
    /// The maximum number of requests in progress from one client address. When it is exceeded, the oldest incomplete
    /// request of that address is refused.
    pub address_requests: Option<usize>,
    /// Bounds for each address in certain networks, such as networks of many subscribers.
    pub overrides: Vec<BoundOverride>,
    /// The maximum time until the first byte of a connection.
    #[serde(with = "humantime_serde")]
    pub first_byte: Option<Duration>,
    /// The maximum duration of a TLS handshake.
    #[serde(with = "humantime_serde")]
    pub handshake: Option<Duration>,
    /// The maximum time from the TLS handshake until the head of the first request is complete.
    #[serde(with = "humantime_serde")]
    pub first_request: Option<Duration>,
    /// The maximum time to receive the body of a request. For a stream: the maximum time until its next part.
    #[serde(with = "humantime_serde")]
    pub body: Option<Duration>,
    /// The maximum time for which the peer may read nothing of a response that is ready.
    #[serde(with = "humantime_serde")]
    pub write: Option<Duration>,
    /// The maximum time for which a connection may have no request in progress.
    #[serde(with = "humantime_serde")]
    pub idle: Option<Duration>,
    /// The maximum age of a connection. After it the connection accepts no new request (INV-12).
    #[serde(with = "humantime_serde")]
    pub age: Option<Duration>,
    /// The maximum time for which requests in progress may continue after `age`.
    #[serde(with = "humantime_serde")]
    pub grace: Option<Duration>,
    /// The maximum number of requests in progress on one connection.
    pub streams: Option<u32>,
    /// The maximum size of a request's head, in bytes.
    pub head_bytes: Option<u32>,
    /// The maximum number of bytes that a peer may send on one connection before the service reads them.
    pub window_bytes: Option<u32>,
    /// The maximum number of bytes of one response that are buffered for a slow peer.
    pub send_bytes: Option<usize>,
}

/// Bounds for each address in a network. If several networks contain an address, the bounds of the smallest one apply.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundOverride {
    /// The network, such as `10.0.0.0/8`.
    pub network: IpNet,
    /// The maximum number of connections from each address.
    pub connections: usize,
    /// The maximum number of handshakes in progress from each address.
    pub handshakes: usize,
    /// The maximum number of requests in progress from each address.
    pub requests: usize,
}

/// The numbers of connections, handshakes and requests that one address or network may have at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) connections: usize,
    pub(crate) handshakes: usize,
    pub(crate) requests: usize,
}

/// The bounds of one port.
#[derive(Debug, Clone)]
pub struct Bounds {
    pub(crate) connections: usize,
    pub(crate) handshakes: usize,
    pub(crate) address: Share,
    overrides: Vec<BoundOverride>,
    /// The networks of proxies. A proxy's connections carry requests of many clients.
    proxies: Vec<IpNet>,
    pub(crate) first_byte: Duration,
    pub(crate) handshake: Duration,
    pub(crate) first_request: Duration,
    pub(crate) body: Duration,
    pub(crate) write: Duration,
    pub(crate) idle: Duration,
    pub(crate) age: Duration,
    pub(crate) grace: Duration,
    pub(crate) streams: u32,
    pub(crate) head_bytes: u32,
    pub(crate) window_bytes: u32,
    pub(crate) send_bytes: usize,
}

impl Bounds {
    /// Creates the bounds of a port from its settings. The kind of its clients decides the
    /// defaults.
    pub fn new(settings: &BoundSettings, clients: Clients) -> Self {
        let defaults = match clients {
            Clients::Anyone => Self::for_anyone(),
            Clients::Workloads => Self::for_workloads(),
        };
        Self {
            connections: settings.connections.unwrap_or(defaults.connections),
            handshakes: settings.handshakes.unwrap_or(defaults.handshakes),
            address: Share {
                connections: settings
                    .address_connections
                    .unwrap_or(defaults.address.connections),
                handshakes: settings
                    .address_handshakes
                    .unwrap_or(defaults.address.handshakes),
                requests: settings
                    .address_requests
                    .unwrap_or(defaults.address.requests),
            },
            overrides: settings.overrides.clone(),
            proxies: Vec::new(),
            first_byte: settings.first_byte.unwrap_or(defaults.first_byte),
            handshake: settings.handshake.unwrap_or(defaults.handshake),
            first_request: settings.first_request.unwrap_or(defaults.first_request),
            body: settings.body.unwrap_or(defaults.body),
            write: settings.write.unwrap_or(defaults.write),
            idle: settings.idle.unwrap_or(defaults.idle),
            age: settings.age.unwrap_or(defaults.age),
            grace: settings.grace.unwrap_or(defaults.grace),
            streams: settings.streams.unwrap_or(defaults.streams),
            head_bytes: settings.head_bytes.unwrap_or(defaults.head_bytes),
            window_bytes: settings.window_bytes.unwrap_or(defaults.window_bytes),
            send_bytes: settings.send_bytes.unwrap_or(defaults.send_bytes),
        }
    }

    /// Exempts proxies from the bounds on the connections and handshakes of one address. Each request of a proxy counts
    /// for the client that the proxy names.
    #[must_use]
    pub fn behind(self, proxies: Vec<IpNet>) -> Self {
        Self { proxies, ..self }
    }

    fn for_anyone() -> Self {
        Self {
            connections: 2048,
            handshakes: 512,
            address: Share {
                connections: 128,
                handshakes: 32,
                requests: 128,
            },
            overrides: Vec::new(),
            proxies: Vec::new(),
            first_byte: Duration::from_secs(3),
            handshake: Duration::from_secs(5),
            first_request: Duration::from_secs(10),
            body: Duration::from_secs(5),
            write: Duration::from_secs(15),
            idle: Duration::from_mins(1),
            age: Duration::from_mins(10),
            grace: Duration::from_secs(20),
            streams: 100,
            head_bytes: 16 * 1024,
            window_bytes: 128 * 1024,
            send_bytes: 64 * 1024,
        }
    }

    /// A workload keeps its connections open. It has many requests in progress, because it sends them for all its own
    /// clients.
    fn for_workloads() -> Self {
        Self {
            address: Share {
                connections: 256,
                handshakes: 64,
                requests: 768,
            },
            first_request: Duration::from_hours(1),
            body: Duration::from_mins(1),
            write: Duration::from_secs(30),
            idle: Duration::from_hours(1),
            age: Duration::from_hours(1),
            // An import or a verification of the audit trail is one request, and may take minutes.
            grace: Duration::from_mins(15),
            streams: 1024,
            window_bytes: 1024 * 1024,
            send_bytes: 400 * 1024,
            ..Self::for_anyone()
        }
    }

    /// The networks that contain an address, each with its share. A holder takes a place in each of them.
    pub(crate) fn shares(&self, address: IpAddr) -> Vec<(IpNet, Share)> {
        let address = address.to_canonical();
        let decides = self
            .overrides
            .iter()
            .filter(|limit| limit.network.contains(&address))
            .max_by_key(|limit| limit.network.prefix_len());
        let share = decides.map_or(self.address, |limit| Share {
            connections: limit.connections,
            handshakes: limit.handshakes,
            requests: limit.requests,
        });
        match address {
            IpAddr::V4(address) => vec![(Ipv4Net::from(address).into(), share)],
            IpAddr::V6(address) => {
                // An override for a network smaller than a /64 applies to that network only.
                let longest = decides.map_or(0, |limit| limit.network.prefix_len());
                IPV6_PREFIXES
                    .iter()
                    .map(|(prefix, times)| ((*prefix).max(longest), *times))
                    .take(if longest > 64 { 1 } else { IPV6_PREFIXES.len() })
                    .map(|(prefix, times)| (network(address, prefix), share.times(times)))
                    .collect()
            }
        }
    }

    /// True if the address is that of a proxy. A proxy's connections carry requests of many
    /// clients.
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|proxy| proxy.contains(&address))
    }

    /// The interval at which a connection is checked against its time limits.
    pub(crate) fn tick(&self) -> Duration {
        let shortest = [self.write, self.idle, self.age]
            .into_iter()
            .fold(self.first_request, Duration::min);
        (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(1))
    }
}

impl Share {
    fn times(self, times: usize) -> Self {
        Self {
            connections: self.connections.saturating_mul(times),
            handshakes: self.handshakes.saturating_mul(times),
            requests: self.requests.saturating_mul(times),
        }
    }
}

fn network(address: Ipv6Addr, prefix: u8) -> IpNet {
    Ipv6Net::new(address, prefix)
        .unwrap_or_else(|_longer| Ipv6Net::from(address))
        .trunc()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(overrides: &str) -> Bounds {
        let settings: BoundSettings = toml::from_str(overrides).unwrap();
        Bounds::new(&settings, Clients::Anyone)
    }

    fn connections(bounds: &Bounds, address: &str) -> Vec<(String, usize)> {
        let shares = bounds.shares(address.parse().unwrap());
        let shares = shares.iter();
        shares
            .map(|(network, share)| (network.to_string(), share.connections))
            .collect()
    }

    /// OPS-5: an IPv4 address has one share. An IPv6 address has three: those of its /64, its /56 and its /48.
    #[test]
    fn an_ipv6_address_shares_with_its_networks() {
        let bounds = bounds("address_connections = 10");
        let is = |shares: &[(&str, usize)]| -> Vec<(String, usize)> {
            let shares = shares.iter();
            shares.map(|(net, n)| ((*net).to_owned(), *n)).collect()
        };
        let v4 = is(&[("192.0.2.1/32", 10)]);
        assert_eq!(connections(&bounds, "192.0.2.1"), v4);
        assert_eq!(connections(&bounds, "::ffff:192.0.2.1"), v4);
        assert_eq!(
            connections(&bounds, "2001:db8:1:2ff:3:4:5:6"),
            is(&[
                ("2001:db8:1:2ff::/64", 10),
                ("2001:db8:1:200::/56", 20),
                ("2001:db8:1::/48", 40)
            ])
        );
    }

    /// OPS-5: a network of many subscribers can have its own bounds. The bounds of the smallest network apply.
    #[test]
    fn the_bounds_of_the_smallest_network_apply() {
        let bounds = bounds(
            "overrides = [
                { network = \"10.0.0.0/8\", connections = 100, handshakes = 1, requests = 1 },
                { network = \"10.1.0.0/16\", connections = 200, handshakes = 1, requests = 1 },
                { network = \"2001:db8::/32\", connections = 300, handshakes = 1, requests = 1 },
                { network = \"2001:db8::7/128\", connections = 400, handshakes = 1, requests = 1 },
            ]",
        );
        for (address, network, expected) in [
            ("10.9.9.9", "10.9.9.9/32", 100),
            ("10.1.9.9", "10.1.9.9/32", 200),
            ("2001:db8::1", "2001:db8::/64", 300),
            ("2001:db8::7", "2001:db8::7/128", 400),
        ] {
            let shares = connections(&bounds, address);
            assert_eq!(shares[0], (network.to_owned(), expected), "{address}");
        }
        assert_eq!(connections(&bounds, "2001:db8::7").len(), 1);
    }

    /// INV-12: a connection of each kind of port has a maximum age, which a setting can change but not remove.
    #[test]
    fn every_connection_has_a_maximum_age() {
        let of = |text: &str, clients| {
            let bounds = Bounds::new(&toml::from_str(text).unwrap(), clients);
            (bounds.age, bounds.grace)
        };
        let minutes = Duration::from_mins;
        let seconds = Duration::from_secs;
        assert_eq!(of("", Clients::Anyone), (minutes(10), seconds(20)));
        assert_eq!(of("", Clients::Workloads), (minutes(60), minutes(15)));
        let set = "age = \"5m\"\ngrace = \"1s\"";
        for clients in [Clients::Anyone, Clients::Workloads] {
            assert_eq!(of(set, clients), (minutes(5), seconds(1)));
        }
    }

    #[test]
    fn unknown_bounds_are_refused() {
        assert!(toml::from_str::<BoundSettings>("connection = 1").is_err());
        let settings: BoundSettings = toml::from_str("idle = \"5s\"").unwrap();
        assert_eq!(settings.idle, Some(Duration::from_secs(5)));
    }
}
