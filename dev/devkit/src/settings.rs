//! The settings files of a system on one machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aikagi_installation::certificates::Identity;
use aikagi_installation::workloads::Service;
use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::ports::Ports;

/// The login to a store.
#[derive(Clone, Debug)]
pub struct Login {
    /// The store and the user, without a password.
    pub url: String,
    /// The file with the password, if the store asks for one.
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

/// What [`settings`] needs to know about a service: its identity, its stores and its upstreams.
#[derive(Clone, Debug)]
pub struct ServiceEnvironment {
    /// Its certificate, key and authority.
    pub identity: Identity,
    /// The service's login to PostgreSQL, if it has one.
    pub postgres: Option<Login>,
    /// The service's login to Redis, if it has one.
    pub redis: Option<Login>,
    /// The directory of the files of keys.
    pub key_files: PathBuf,
    /// The addresses of every service's replicas.
    pub addresses: BTreeMap<Service, Vec<String>>,
    /// True for a log format for people, false for a log format for machines.
    pub pretty_logs: bool,
}

/// The settings of one replica of a service: only the sections that it needs.
pub fn settings(service: Service, ports: Ports, environment: &ServiceEnvironment) -> Result<Table> {
    let mut all = Table::new();

    let mut server = Table::new();
    let listen = ports.health.unwrap_or(ports.main);
    put(&mut server, "listen", address(listen));
    put(&mut all, "server", server);

    put(&mut all, "identity", identity_table(&environment.identity)?);

    if service == Service::Edge {
        // The public port shows the service's own certificate, because browsers on this machine can
        // be set to trust its authority.
        let origin = |host: &str| format!("https://{host}:{}", ports.main);
        let mut public = Table::new();
        put(&mut public, "listen", address(ports.main));
        put(
            &mut public,
            "certificate",
            path(&environment.identity.certificate)?,
        );
        put(&mut public, "key", path(&environment.identity.key)?);
        put(
            &mut public,
            "origins",
            ["localhost", "127.0.0.1"].map(origin).to_vec(),
        );
        put(&mut public, "bounds", bounds());
        put(&mut all, "public", public);
        put(&mut all, "limits", limits());
    }

    let mut telemetry = Table::new();
    put(
        &mut telemetry,
        "log_format",
        if environment.pretty_logs {
            "pretty"
        } else {
            "json"
        },
    );
    put(&mut all, "telemetry", telemetry);

    if let Some(login) = &environment.postgres {
        put(&mut all, "postgres", login.table()?);
    }
    if let Some(login) = &environment.redis {
        put(&mut all, "redis", login.table()?);
    }
    for file in service.key_files() {
        let (section, key) = file.setting();
        let mut table = Table::new();
        put(
            &mut table,
            key,
            path(&environment.key_files.join(file.file_name()))?,
        );
        put(&mut all, section, table);
    }
    if !service.upstreams().is_empty() {
        let mut upstreams = Table::new();
        for upstream in service.upstreams() {
            let addresses = environment
                .addresses
                .get(upstream)
                .cloned()
                .unwrap_or_default();
            put(&mut upstreams, upstream.name(), addresses);
        }
        put(&mut all, "upstreams", upstreams);
    }
    Ok(all)
}

/// What [`ivr_settings`] needs to know about the IVR adapter (`frontends/ivr`).
#[derive(Clone, Debug)]
pub struct IvrSettings {
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

/// The settings of the IVR adapter.
pub fn ivr_settings(ivr: &IvrSettings) -> Result<Table> {
    let mut server = Table::new();
    put(&mut server, "listen", address(ivr.health));
    put(&mut server, "drain", "10m");
    let mut agi = Table::new();
    put(&mut agi, "listen", address(ivr.agi));
    put(&mut agi, "peers", vec!["127.0.0.0/8"]);
    let mut prompts = Table::new();
    put(&mut prompts, "manifest", path(&ivr.manifest)?);
    put(&mut prompts, "sounds", ivr.sounds.as_str());
    let mut upstreams = Table::new();
    put(&mut upstreams, "gateway", ivr.gateway.clone());

    let mut all = Table::new();
    put(&mut all, "server", server);
    put(&mut all, "identity", identity_table(&ivr.identity)?);
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

/// LOGIN-8: raises the limit of login attempts for loopback addresses. On one machine all
/// subscribers have the same address, and a demo makes many attempts in a minute.
fn limits() -> Table {
    let mut loopback = Table::new();
    put(&mut loopback, "network", "127.0.0.0/8");
    put(&mut loopback, "burst", 1000);
    put(&mut loopback, "period", "1m");
    let mut limits = Table::new();
    put(&mut limits, "overrides", vec![loopback]);
    limits
}

/// OPS-5: raises the bounds of the public port for loopback addresses. On one machine all subscribers
/// have the same address, and a demo opens many connections.
fn bounds() -> Table {
    let mut loopback = Table::new();
    put(&mut loopback, "network", "127.0.0.0/8");
    put(&mut loopback, "connections", 2048);
    put(&mut loopback, "handshakes", 512);
    put(&mut loopback, "requests", 2048);
    let mut bounds = Table::new();
    put(&mut bounds, "overrides", vec![loopback]);
    bounds
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
    use crate::ports::usual_ports;

    #[test]
    fn a_service_gets_only_the_sections_that_it_needs() {
        let environment = ServiceEnvironment {
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
            key_files: "/keys".into(),
            addresses: BTreeMap::from([(Service::Units, vec!["127.0.0.1:7304".to_owned()])]),
            pretty_logs: false,
        };
        let edge = settings(Service::Edge, usual_ports(Service::Edge, 1), &environment).unwrap();
        assert_eq!(edge["public"]["listen"].as_str(), Some("127.0.0.1:8453"));
        assert_eq!(edge["server"]["listen"].as_str(), Some("127.0.0.1:7316"));
        assert_eq!(
            edge["upstreams"]["units"][0].as_str(),
            Some("127.0.0.1:7304")
        );
        assert!(!edge.contains_key("hashing") && !edge.contains_key("postgres"));
        let ports = usual_ports(Service::Gateway, 1);
        let gateway = settings(Service::Gateway, ports, &environment).unwrap();
        assert_eq!(gateway["server"]["listen"].as_str(), Some("127.0.0.1:8454"));
        assert!(!gateway.contains_key("public"));
        let issuance = settings(
            Service::Issuance,
            usual_ports(Service::Issuance, 0),
            &environment,
        )
        .unwrap();
        assert!(!issuance.contains_key("upstreams"));
        let hashing = issuance["hashing"].as_table().unwrap();
        assert_eq!(
            hashing["sealing_ring"].as_str(),
            Some("/keys/sealing-ring.toml")
        );
        assert!(!hashing.contains_key("key_ring"));
        assert_eq!(
            issuance["call"]["keys"].as_str(),
            Some("/keys/call-keys.toml")
        );
    }
}
