//! The whole system with its IVR adapter, as processes on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aikagi_client::{Files, Ivr, Operator, Site, connect};
use aikagi_devkit::installation::files::write_private;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::ports;
use aikagi_devkit::process::{Process, Program, executable};
use aikagi_devkit::settings::{IvrSettings, ivr_settings};
use aikagi_devkit::system::{Options, System};
use anyhow::{Context, Result};
use tonic::transport::Channel;

use super::asterisk::{SOUNDS, repository};
use super::system_clients::SystemClients;

const READY_LIMIT: Duration = Duration::from_mins(1);

/// The services and the IVR adapter.
pub(super) struct IvrSystem {
    /// The IVR adapter.
    pub(super) adapter: Process,
    /// The services.
    pub(super) services: System,
    /// The adapter's FastAGI port.
    pub(super) agi: u16,
}

impl IvrSystem {
    /// Starts everything in `home`. A caller has 5 seconds for each key.
    pub(super) fn open(home: &Path, binaries: &Path) -> Result<Self> {
        let options = Options {
            adjust: |service, _, table| {
                let call = table.get_mut("call").and_then(toml::Value::as_table_mut);
                if let (Service::Issuance, Some(call)) = (service, call) {
                    call.insert("key_timeout".to_owned(), "5s".into());
                }
            },
            ..Options::apart(home.join("system"), binaries, false)?
        };
        let system = System::start(&options, |_| {})?;
        let agi = ports::free()?;
        let mut adapter = Process::start(program(&system, home, binaries, agi)?)?;
        adapter.wait_ready(READY_LIMIT)?;
        Ok(Self {
            adapter,
            services: system,
            agi,
        })
    }

    /// Restarts the adapter and waits until it is ready.
    pub(super) fn restart_adapter(&mut self) -> Result<()> {
        self.adapter.restart()?;
        self.adapter.wait_ready(READY_LIMIT)
    }

    /// The only replica of a service.
    pub(super) fn service(&mut self, service: Service) -> Result<&mut Process> {
        let replicas = self.services.replicas(service);
        replicas.first_mut().context("the service has no replica")
    }

    /// Waits until a restarted service and the adapter are ready.
    pub(super) fn wait_for(&mut self, service: Service) -> Result<()> {
        self.service(service)?.wait_ready(READY_LIMIT)?;
        self.adapter.wait_ready(READY_LIMIT)
    }

    /// Clients of the system.
    pub(super) fn clients(&self) -> Result<SystemClients> {
        let port = |service| {
            let ports = self.services.ports(service).first();
            ports.map(|ports| ports.main).context("a port is missing")
        };
        let private = port(Service::Gateway)?;
        let private_as = |name: &str| {
            let identity = self.services.identity(name)?;
            let files = Files {
                certificate: identity.certificate,
                key: identity.key,
            };
            self.channel(private, Some(&files))
        };
        Ok(SystemClients {
            operator: Operator::new(private_as("operator")?),
            ivr: Ivr::new(private_as("ivr")?),
            site: Site::new(self.channel(port(Service::Edge)?, None)?),
        })
    }

    fn channel(&self, port: u16, files: Option<&Files>) -> Result<Channel> {
        let authority = self.services.authority.certificate();
        connect(&format!("https://127.0.0.1:{port}"), &authority, files)
    }
}

fn program(system: &System, home: &Path, binaries: &Path, agi: u16) -> Result<Program> {
    let health = ports::free()?;
    let gateways = system.ports(Service::Gateway).iter();
    let gateway = gateways
        .map(|ports| format!("127.0.0.1:{}", ports.main))
        .collect();
    let settings = ivr_settings(&IvrSettings {
        health,
        agi,
        identity: system.identity("ivr")?,
        gateway,
        manifest: manifest()?,
        sounds: SOUNDS.to_owned(),
    })?;
    let config = home.join("ivr.toml");
    write_private(&config, settings.to_string().as_bytes())?;
    Ok(Program {
        name: "ivr".to_owned(),
        binary: executable(binaries, "aikagi-ivr")?,
        config,
        log: system.logs().join("ivr.log"),
        port: health,
        environment: Vec::new(),
    })
}

/// The path of the manifest of this repository's recordings.
pub(super) fn manifest() -> Result<PathBuf> {
    let path = repository("deploy/asterisk/sounds/manifest.toml");
    path.canonicalize()
        .context("cannot find the manifest of the recordings")
}
