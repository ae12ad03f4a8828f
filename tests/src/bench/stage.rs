//! A system to be measured: its processes, as `up` runs them, but for the limit per client address (LOGIN-8), which
//! one generator of load would meet at once.

use std::path::PathBuf;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::units::v1::AuthUnit;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::system::{Adjust, Options, System};
use anyhow::{Context, Result};
use toml::Table;
use tonic::Status;
use tonic::transport::Channel;

use super::Surroundings;
use crate::edge::{Files, Ivr, Operator, Site, connect};
use crate::world::{PERMANENT, TEMPORARY};

/// A running system; it stops when it is dropped.
pub(super) struct Stage {
    pub(super) system: System,
}

impl Stage {
    /// Starts a system from nothing, in a directory of this name.
    pub(super) async fn start(around: &Surroundings, name: &str, adjust: Adjust) -> Result<Self> {
        let dir: PathBuf = around.home.join(name);
        let _ = std::fs::remove_dir_all(&dir);
        let options = Options {
            adjust,
            environment: vec![("RUST_LOG".to_owned(), "warn".to_owned())],
            ..Options::apart(dir, &around.binaries, true)?
        };
        let system = System::start(&options, |_| {})?;
        Ok(Self { system })
    }

    /// A subscriber's client, with a connection of its own.
    pub(super) fn site(&self) -> Result<Site> {
        let port = self.gateway()?.main;
        Ok(Site::new(self.channel(port, None)?))
    }

    /// An IVR platform.
    pub(super) fn ivr(&self) -> Result<Ivr> {
        Ok(Ivr::new(self.private_as("ivr")?))
    }

    /// An operator.
    pub(super) fn operator(&self) -> Result<Operator> {
        Ok(Operator::new(self.private_as("operator")?))
    }

    /// Authentication itself, as the gateway calls it, on a connection of its own.
    pub(super) fn authentication(&self) -> Result<AuthenticationServiceClient<Channel>> {
        let ports = self.system.ports(Service::Authentication);
        let port = ports.first().context("no authentication")?.main;
        let files = self.files("gateway")?;
        Ok(AuthenticationServiceClient::new(
            self.channel(port, Some(&files))?,
        ))
    }

    /// So many lines of one number, each with a permanent password.
    pub(super) async fn subscribers(&self, count: u32) -> Result<Vec<String>> {
        let (operator, ivr, site) = (self.operator()?, self.ivr()?, self.site()?);
        let mut numbers = Vec::new();
        for index in 0..count {
            let number = format!("080{index:08}");
            let added = operator.add_line(&[(&number, true)]).await;
            added.map_err(told)?;
            let set = ivr
                .set(&number, AuthUnit::Line, &number, TEMPORARY)
                .await
                .map_err(told)?;
            drop(set);
            let session = site.login(&number, TEMPORARY).await.map_err(told)?;
            session.change(TEMPORARY, PERMANENT).await.map_err(told)?;
            numbers.push(number);
        }
        Ok(numbers)
    }

    fn gateway(&self) -> Result<&aikagi_devkit::ports::Ports> {
        let ports = self.system.ports(Service::Gateway);
        ports.first().context("no gateway")
    }

    fn private_as(&self, name: &str) -> Result<Channel> {
        let files = self.files(name)?;
        let port = self.gateway()?.private.context("no private port")?;
        self.channel(port, Some(&files))
    }

    /// The identity of a workload.
    pub(super) fn files(&self, name: &str) -> Result<Files> {
        let identity = self.system.identity(name)?;
        Ok(Files {
            certificate: identity.certificate,
            key: identity.key,
        })
    }

    fn channel(&self, port: u16, files: Option<&Files>) -> Result<Channel> {
        let url = format!("https://127.0.0.1:{port}");
        connect(&url, &self.system.authority.certificate(), files)
    }
}

/// An error that says what was answered.
#[allow(clippy::needless_pass_by_value, reason = "an argument of map_err")]
pub(super) fn told(status: Status) -> anyhow::Error {
    anyhow::anyhow!("{:?}: {}", status.code(), status.message())
}

/// No limit per client address.
pub(super) fn unlimited(service: Service, _replica: u16, table: &mut Table) {
    if service == Service::Gateway {
        let mut attempts = Table::new();
        attempts.insert("burst".into(), 1_000_000.into());
        attempts.insert("period".into(), "1s".into());
        let mut limits = Table::new();
        limits.insert("attempts".into(), attempts.into());
        table.insert("limits".into(), limits.into());
    }
}

/// The same, and a hash that costs next to nothing: what is left is everything else.
pub(super) fn all_but_the_hash(service: Service, replica: u16, table: &mut Table) {
    unlimited(service, replica, table);
    if let Some(hashing) = table.get_mut("hashing").and_then(toml::Value::as_table_mut) {
        hashing.insert("memory_kib".into(), 64.into());
        hashing.insert("iterations".into(), 1.into());
    }
}
