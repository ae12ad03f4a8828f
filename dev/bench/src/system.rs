//! The measured system: processes as `cargo xtask up` runs them, but without the limit per client
//! address (LOGIN-8). One load generator would reach that limit immediately.

use std::path::PathBuf;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::samples::{PERMANENT, TEMPORARY};
use aikagi_client::{Files, Ivr, Operator, Site, connect};
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::system::{Adjust, Options, System};
use anyhow::{Context, Result};
use toml::Table;
use tonic::Status;
use tonic::transport::Channel;

use super::BenchEnvironment;

/// A running system. It stops when it is dropped.
pub(super) struct BenchSystem {
    pub(super) processes: System,
}

impl BenchSystem {
    /// Starts a new system in a directory with this name.
    pub(super) fn start(
        environment: &BenchEnvironment,
        name: &str,
        adjust: Adjust,
    ) -> Result<Self> {
        let dir: PathBuf = environment.home.join(name);
        let _ = std::fs::remove_dir_all(&dir);
        let options = Options {
            adjust,
            environment: vec![("RUST_LOG".to_owned(), "warn".to_owned())],
            ..Options::apart(dir, &environment.binaries, true)?
        };
        let processes = System::start(&options, |_| {})?;
        Ok(Self { processes })
    }

    /// A subscriber's client with a new connection.
    pub(super) fn site(&self) -> Result<Site> {
        let port = self.port(Service::Edge)?;
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

    /// A client of the authentication service with the gateway's identity and a new connection.
    pub(super) fn authentication(&self) -> Result<AuthenticationServiceClient<Channel>> {
        let port = self.port(Service::Authentication)?;
        let files = self.files("gateway")?;
        Ok(AuthenticationServiceClient::new(
            self.channel(port, Some(&files))?,
        ))
    }

    /// Adds lines with one number each, and gives each number a permanent password. Returns the numbers.
    pub(super) async fn subscribers(&self, count: u32) -> Result<Vec<String>> {
        let (operator, ivr, site) = (self.operator()?, self.ivr()?, self.site()?);
        let mut numbers = Vec::new();
        for index in 0..count {
            let number = format!("080{index:08}");
            let added = operator.add_line(&[(&number, true)]).await;
            added.map_err(status_error)?;
            let set = ivr
                .set(&number, AuthUnit::Line, &number, TEMPORARY)
                .await
                .map_err(status_error)?;
            drop(set);
            let session = site.login(&number, TEMPORARY).await.map_err(status_error)?;
            session
                .change(TEMPORARY, PERMANENT)
                .await
                .map_err(status_error)?;
            numbers.push(number);
        }
        Ok(numbers)
    }

    fn port(&self, service: Service) -> Result<u16> {
        let ports = self.processes.ports(service).first();
        let ports = ports.with_context(|| format!("{} has no port", service.name()))?;
        Ok(ports.main)
    }

    fn private_as(&self, name: &str) -> Result<Channel> {
        let files = self.files(name)?;
        self.channel(self.port(Service::Gateway)?, Some(&files))
    }

    /// The identity of a workload.
    pub(super) fn files(&self, name: &str) -> Result<Files> {
        let identity = self.processes.identity(name)?;
        Ok(Files {
            certificate: identity.certificate,
            key: identity.key,
        })
    }

    fn channel(&self, port: u16, files: Option<&Files>) -> Result<Channel> {
        let url = format!("https://127.0.0.1:{port}");
        connect(&url, &self.processes.authority.certificate(), files)
    }
}

/// An error with the code and message of a status.
#[allow(clippy::needless_pass_by_value, reason = "an argument of map_err")]
pub(super) fn status_error(status: Status) -> anyhow::Error {
    anyhow::anyhow!("{:?}: {}", status.code(), status.message())
}

/// Removes the limits per client address.
pub(super) fn unlimited(service: Service, _replica: u16, table: &mut Table) {
    if service == Service::Edge {
        let mut attempts = Table::new();
        attempts.insert("burst".into(), 1_000_000.into());
        attempts.insert("period".into(), "1s".into());
        let mut limits = Table::new();
        limits.insert("attempts_at_number".into(), attempts.clone().into());
        limits.insert("attempts".into(), attempts.into());
        table.insert("limits".into(), limits.into());
    }
}

/// Removes the limit per client address and makes the hash almost free, so that only everything else is measured.
pub(super) fn all_but_the_hash(service: Service, replica: u16, table: &mut Table) {
    unlimited(service, replica, table);
    if let Some(hashing) = table.get_mut("hashing").and_then(toml::Value::as_table_mut) {
        hashing.insert("memory_kib".into(), 64.into());
        hashing.insert("iterations".into(), 1.into());
    }
}
