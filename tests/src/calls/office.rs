//! The whole system with its telephone, as processes on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aikagi_devkit::installation::files::write_private;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::ports;
use aikagi_devkit::process::{Process, Program, executable};
use aikagi_devkit::settings::{IvrSettings, ivr_settings};
use aikagi_devkit::system::{Options, System};
use anyhow::{Context, Result};
use tonic::transport::Channel;

use super::behind::Behind;
use super::exchange::{SOUNDS, repository};
use crate::edge::{Files, Ivr, Operator, Site, connect};

const READY_LIMIT: Duration = Duration::from_mins(1);

/// The system, and the telephone before it.
pub(super) struct Office {
    /// The telephone.
    pub(super) telephone: Process,
    /// The services.
    pub(super) system: System,
    /// The telephone's FastAGI port.
    pub(super) agi: u16,
}

impl Office {
    /// Starts everything under `home`. A key is waited for only so long.
    pub(super) async fn open(home: &Path, binaries: &Path) -> Result<Self> {
        let options = Options {
            adjust: |service, _, table| {
                if service == Service::Issuance {
                    let call = toml::Table::from_iter([("key_timeout".to_owned(), "5s".into())]);
                    table.insert("call".to_owned(), call.into());
                }
            },
            ..Options::apart(home.join("system"), binaries, false)?
        };
        let system = System::start(&options, |_| {})?;
        let agi = ports::free()?;
        let mut telephone = Process::start(program(&system, home, binaries, agi)?)?;
        telephone.wait_ready(READY_LIMIT)?;
        Ok(Self {
            telephone,
            system,
            agi,
        })
    }

    /// Starts the telephone again.
    pub(super) fn restart_telephone(&mut self) -> Result<()> {
        self.telephone.restart()?;
        self.telephone.wait_ready(READY_LIMIT)
    }

    /// The one process of a service.
    pub(super) fn service(&mut self, service: Service) -> Result<&mut Process> {
        let replicas = self.system.replicas(service);
        replicas.first_mut().context("the service is not there")
    }

    /// Waits until a service that was started again is ready.
    pub(super) fn wait_for(&mut self, service: Service) -> Result<()> {
        self.service(service)?.wait_ready(READY_LIMIT)?;
        self.telephone.wait_ready(READY_LIMIT)
    }

    /// The system as those outside see it.
    pub(super) fn behind(&self) -> Result<Behind> {
        let ports = self.system.ports(Service::Gateway).first();
        let ports = ports.context("there is no gateway")?;
        let private = ports.private.context("no private port")?;
        let private_as = |name: &str| {
            let identity = self.system.identity(name)?;
            let files = Files {
                certificate: identity.certificate,
                key: identity.key,
            };
            self.channel(private, Some(&files))
        };
        Ok(Behind {
            operator: Operator::new(private_as("operator")?),
            ivr: Ivr::new(private_as("ivr")?),
            site: Site::new(self.channel(ports.main, None)?),
        })
    }

    fn channel(&self, port: u16, files: Option<&Files>) -> Result<Channel> {
        let authority = self.system.authority.certificate();
        connect(&format!("https://127.0.0.1:{port}"), &authority, files)
    }
}

fn program(system: &System, home: &Path, binaries: &Path, agi: u16) -> Result<Program> {
    let health = ports::free()?;
    let gateways = system.ports(Service::Gateway).iter();
    let gateway = gateways
        .filter_map(|ports| ports.private)
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    let settings = ivr_settings(&IvrSettings {
        health,
        agi,
        identity: system.identity("ivr")?,
        gateway,
        manifest: manifest()?,
        sounds: SOUNDS.to_owned(),
    })?;
    let config = home.join("telephone.toml");
    write_private(&config, settings.to_string().as_bytes())?;
    Ok(Program {
        name: "telephone".to_owned(),
        binary: executable(binaries, "aikagi-ivr")?,
        config,
        log: system.logs().join("telephone.log"),
        port: health,
        environment: Vec::new(),
    })
}

/// The manifest of this repository's recordings.
pub(super) fn manifest() -> Result<PathBuf> {
    let path = repository("deploy/asterisk/sounds/manifest.toml");
    path.canonicalize().context("there are no recordings")
}
