//! The services, and the settings file of each for a system on one machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::certs::Identity;

/// How far the ports of a service's replicas lie apart.
const REPLICA_STEP: u16 = 10;

/// The five services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Lines and numbers.
    Units,
    /// Login, lockout, sessions.
    Authentication,
    /// The permanent password.
    Password,
    /// Call dialogs and temporary passwords.
    Issuance,
    /// The edge.
    Gateway,
}

impl Service {
    /// All of them, each after those that it calls.
    pub const ALL: [Self; 5] = [
        Self::Authentication,
        Self::Units,
        Self::Password,
        Self::Issuance,
        Self::Gateway,
    ];

    /// Its name, also its workload identity, its database role's and its Redis user's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Units => "units",
            Self::Authentication => "authentication",
            Self::Password => "password",
            Self::Issuance => "issuance",
            Self::Gateway => "gateway",
        }
    }

    /// The service of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Its executable.
    pub fn binary(self) -> String {
        format!("aikagi-{}", self.name())
    }

    /// Its role in the database, unless it has none there.
    pub fn postgres_role(self) -> Option<String> {
        (self != Self::Gateway).then(|| format!("aikagi_{}", self.name()))
    }

    /// Its user in Redis, unless it has none there.
    pub const fn redis_user(self) -> Option<&'static str> {
        match self {
            Self::Issuance | Self::Authentication | Self::Gateway => Some(self.name()),
            Self::Password | Self::Units => None,
        }
    }

    /// The services that it calls.
    pub const fn upstreams(self) -> &'static [Self] {
        match self {
            Self::Gateway => &[
                Self::Issuance,
                Self::Authentication,
                Self::Password,
                Self::Units,
            ],
            Self::Password | Self::Units => &[Self::Authentication],
            Self::Issuance | Self::Authentication => &[],
        }
    }

    const fn hashes(self) -> bool {
        match self {
            Self::Issuance | Self::Authentication | Self::Password | Self::Units => true,
            Self::Gateway => false,
        }
    }

    /// The usual ports of one replica, counted from 0.
    pub fn usual_ports(self, replica: u16) -> Ports {
        let step = replica.saturating_mul(REPLICA_STEP);
        let (main, private) = match self {
            Self::Gateway => (8443, Some(8444)),
            Self::Issuance => (7301, None),
            Self::Authentication => (7302, None),
            Self::Password => (7303, None),
            Self::Units => (7304, None),
        };
        Ports {
            main: main + step,
            private: private.map(|port: u16| port + step),
        }
    }

    /// Free ports for one replica.
    pub fn free_ports(self) -> Result<Ports> {
        let private = if self == Self::Gateway {
            Some(crate::ports::free()?)
        } else {
            None
        };
        Ok(Ports {
            main: crate::ports::free()?,
            private,
        })
    }
}

/// Where one replica listens, on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The only port, or the gateway's public one.
    pub main: u16,
    /// The gateway's private one.
    pub private: Option<u16>,
}

/// How to sign in to a store.
#[derive(Clone, Debug)]
pub struct Login {
    /// The store and the user, without a password.
    pub url: String,
    /// The file that holds the password, where one is needed.
    pub password_file: Option<PathBuf>,
}

impl Login {
    fn table(&self) -> Result<Table> {
        let mut table = Table::new();
        put(&mut table, "url", self.url.as_str());
        if let Some(file) = &self.password_file {
            put(&mut table, "password_file", path(file)?);
        }
        Ok(table)
    }
}

/// What a service is told about the world.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Its certificate, key and authority.
    pub identity: Identity,
    /// Its sign-in to PostgreSQL, if it has one.
    pub postgres: Option<Login>,
    /// Its sign-in to Redis, if it has one.
    pub redis: Option<Login>,
    /// The key ring's file.
    pub key_ring: PathBuf,
    /// Where the replicas of every service listen.
    pub addresses: BTreeMap<Service, Vec<String>>,
    /// Logs for people instead of machines.
    pub pretty_logs: bool,
}

/// The settings of one replica of a service: only what it needs.
pub fn settings(service: Service, ports: Ports, around: &Surroundings) -> Result<Table> {
    let mut all = Table::new();

    let mut server = Table::new();
    let listen = ports.private.unwrap_or(ports.main);
    put(&mut server, "listen", address(listen));
    put(&mut all, "server", server);

    put(&mut all, "identity", identity_table(&around.identity)?);

    if service == Service::Gateway {
        // Browsers here are told to believe the same authority as the services.
        let origin = |host: &str| format!("https://{host}:{}", ports.main);
        let mut public = Table::new();
        put(&mut public, "listen", address(ports.main));
        put(
            &mut public,
            "certificate",
            path(&around.identity.certificate)?,
        );
        put(&mut public, "key", path(&around.identity.key)?);
        put(
            &mut public,
            "origins",
            ["localhost", "127.0.0.1"].map(origin).to_vec(),
        );
        put(&mut all, "public", public);
        put(&mut all, "limits", limits());
    }

    let mut telemetry = Table::new();
    put(
        &mut telemetry,
        "log_format",
        if around.pretty_logs { "pretty" } else { "json" },
    );
    put(&mut all, "telemetry", telemetry);

    if let Some(login) = &around.postgres {
        put(&mut all, "postgres", login.table()?);
    }
    if let Some(login) = &around.redis {
        put(&mut all, "redis", login.table()?);
    }
    if service.hashes() {
        let mut hashing = Table::new();
        put(&mut hashing, "key_ring", path(&around.key_ring)?);
        put(&mut all, "hashing", hashing);
    }
    if !service.upstreams().is_empty() {
        let mut upstreams = Table::new();
        for upstream in service.upstreams() {
            let addresses = around.addresses.get(upstream).cloned().unwrap_or_default();
            put(&mut upstreams, upstream.name(), addresses);
        }
        put(&mut all, "upstreams", upstreams);
    }
    Ok(all)
}

/// Where the telephone (`frontends/ivr`) listens, and what it is told about the world.
#[derive(Clone, Debug)]
pub struct Telephone {
    /// The loopback port for health checks.
    pub health: u16,
    /// The loopback port for Asterisk.
    pub agi: u16,
    /// Its certificate, key and authority.
    pub identity: Identity,
    /// The gateway's private ports, `host:port`.
    pub gateway: Vec<String>,
    /// The recordings' manifest.
    pub manifest: PathBuf,
    /// The directory of the recordings as Asterisk sees it.
    pub sounds: String,
}

/// The settings of the telephone.
pub fn telephone(telephone: &Telephone) -> Result<Table> {
    let mut server = Table::new();
    put(&mut server, "listen", address(telephone.health));
    put(&mut server, "drain", "10m");
    let mut agi = Table::new();
    put(&mut agi, "listen", address(telephone.agi));
    put(&mut agi, "peers", vec!["127.0.0.0/8"]);
    let mut prompts = Table::new();
    put(&mut prompts, "manifest", path(&telephone.manifest)?);
    put(&mut prompts, "sounds", telephone.sounds.as_str());
    let mut upstreams = Table::new();
    put(&mut upstreams, "gateway", telephone.gateway.clone());

    let mut all = Table::new();
    put(&mut all, "server", server);
    put(&mut all, "identity", identity_table(&telephone.identity)?);
    put(&mut all, "agi", agi);
    put(&mut all, "prompts", prompts);
    put(&mut all, "upstreams", upstreams);
    Ok(all)
}

fn identity_table(identity: &Identity) -> Result<Table> {
    let mut table = Table::new();
    put(&mut table, "certificate", path(&identity.certificate)?);
    put(&mut table, "key", path(&identity.key)?);
    put(&mut table, "authorities", path(&identity.authorities)?);
    Ok(table)
}

/// LOGIN-8: on one machine every subscriber has the same address, and a demo is many of them in a minute.
fn limits() -> Table {
    let mut loopback = Table::new();
    put(&mut loopback, "network", "127.0.0.0/8");
    put(&mut loopback, "burst", 1000);
    put(&mut loopback, "period", "1m");
    let mut limits = Table::new();
    put(&mut limits, "overrides", vec![loopback]);
    limits
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn put(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

fn path(path: &std::path::Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_only_what_it_needs() {
        let around = Surroundings {
            identity: Identity {
                certificate: "/c.pem".into(),
                key: "/c.key".into(),
                authorities: "/ca.pem".into(),
            },
            postgres: None,
            redis: Some(Login {
                url: "redis://gateway@127.0.0.1:1".to_owned(),
                password_file: None,
            }),
            key_ring: "/ring".into(),
            addresses: BTreeMap::from([(Service::Units, vec!["127.0.0.1:7304".to_owned()])]),
            pretty_logs: false,
        };
        let gateway = settings(Service::Gateway, Service::Gateway.usual_ports(1), &around).unwrap();
        assert_eq!(gateway["public"]["listen"].as_str(), Some("127.0.0.1:8453"));
        assert_eq!(gateway["server"]["listen"].as_str(), Some("127.0.0.1:8454"));
        assert_eq!(
            gateway["upstreams"]["units"][0].as_str(),
            Some("127.0.0.1:7304")
        );
        assert!(!gateway.contains_key("hashing") && !gateway.contains_key("postgres"));
        let issuance =
            settings(Service::Issuance, Service::Issuance.usual_ports(0), &around).unwrap();
        assert!(issuance.contains_key("hashing") && !issuance.contains_key("upstreams"));
    }

    #[test]
    fn no_two_replicas_share_a_port() {
        let mut seen = std::collections::BTreeSet::new();
        for service in Service::ALL {
            for replica in 0..9 {
                let ports = service.usual_ports(replica);
                assert!(seen.insert(ports.main));
                assert!(ports.private.is_none_or(|port| seen.insert(port)));
            }
        }
    }
}
