//! A system whose parts can be broken and repaired.

use std::time::Duration;

use aikagi_devkit::command::signal;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::postgres::Cluster;
use aikagi_devkit::process::Process;
use aikagi_devkit::system::{DATABASE, Options};
use aikagi_e2e::processes::{ProcessSystem, binaries, light};
use chrono::TimeDelta;
use nix::sys::signal::Signal;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::clock::Clock;
use super::disk::Disk;
use super::fault::{Fault, Targets};
use super::links::{Link, LinkState};
use super::probe::Probe;

const READY: Duration = Duration::from_mins(1);
const DRAINED: Duration = Duration::from_secs(30);
const REPLICAS: [(Service, u16); 6] = [
    (Service::Edge, 1),
    (Service::Gateway, 1),
    (Service::Authentication, 2),
    (Service::Units, 2),
    (Service::Password, 2),
    (Service::Issuance, 2),
];

/// A running system in which each connection between two parts goes through its own link: a proxy
/// that a test can cut, silence or slow down.
pub(super) struct FaultSystem {
    // Fields are dropped in this order: first the processes that use the disk, then the disk.
    pub(super) system: ProcessSystem,
    pub(super) ledger: PgPool,
    probe: Option<Probe>,
    links: Vec<Link>,
    clock: Clock,
    disk: Option<Disk>,
}

impl FaultSystem {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::in_directory(dir.path());
        let disk = Disk::at(&dir.path().join("postgres"));
        let options = Options {
            replicas: REPLICAS.into(),
            adjust: light,
            environment: clock.environment(),
            ..Options::apart(dir.path().to_owned(), &binaries(), false).unwrap()
        };
        let system = ProcessSystem::run(dir, &options);
        let url = system.processes.superuser_url().unwrap();
        let mut stage = Self {
            ledger: PgPoolOptions::new().connect_lazy(&url).unwrap(),
            system,
            probe: None,
            links: Vec::new(),
            clock,
            disk,
        };
        stage.stop_services();
        stage.route_through_links();
        stage.start_services();
        stage.probe = Some(Probe::begin(&stage.system).await);
        stage
    }

    /// Checks that logins succeed again after all faults are repaired, without a restart of any service.
    pub(super) async fn check_logins(&self) -> Result<(), String> {
        self.probe.as_ref().unwrap().check().await
    }

    pub(super) fn targets(&self) -> Targets {
        let replicas = REPLICAS.into_iter();
        Targets {
            replicas: replicas
                .flat_map(|(service, number)| (0..number.into()).map(move |place| (service, place)))
                .collect(),
            links: self.links.len(),
            disk: self.disk.is_some(),
        }
    }

    /// Routes every connection of every replica through a separate link.
    fn route_through_links(&mut self) {
        for process in self.system.processes.processes() {
            let (name, config) = (process.program().name.clone(), &process.program().config);
            let text = std::fs::read_to_string(config).unwrap();
            let mut table: toml::Table = text.parse().unwrap();
            let mut lead = |what: &str, address: &mut toml::Value| {
                let (before, port, after) = around_port(address.as_str().unwrap());
                let (link, own) = Link::to(port, format!("{name} to {what}"));
                *address = format!("{before}{own}{after}").into();
                self.links.push(link);
            };
            for store in ["postgres", "redis"] {
                if let Some(url) = table.get_mut(store).and_then(|store| store.get_mut("url")) {
                    lead(store, url);
                }
            }
            let upstreams = table
                .get_mut("upstreams")
                .and_then(toml::Value::as_table_mut);
            for (upstream, addresses) in upstreams.into_iter().flatten() {
                for address in addresses.as_array_mut().unwrap() {
                    lead(upstream, address);
                }
            }
            std::fs::write(config, table.to_string()).unwrap();
        }
    }

    /// Causes a fault.
    pub(super) fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(service, replica) => {
                self.system.processes.replicas(service)[replica].kill9();
            }
            Fault::Freeze(service, replica) => {
                signal(
                    self.system.processes.replicas(service)[replica].id(),
                    Signal::SIGSTOP,
                );
            }
            Fault::Link(link, state) => self.links[link].make(state),
            Fault::Silence(link) => self.links[link].silence(),
            Fault::KillPostgres => self.cluster().kill9(),
            Fault::ForbidWrites => {
                let cluster = self.cluster();
                let forbid =
                    format!("ALTER DATABASE {DATABASE} SET default_transaction_read_only = on");
                cluster.run_statement("postgres", &forbid).unwrap();
                let close = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'"
                );
                cluster.run_statement("postgres", &close).unwrap();
            }
            Fault::Demote => self.cluster().demote().unwrap(),
            Fault::FillDisk => self.disk.as_ref().unwrap().fill(),
            Fault::KillRedis => self.system.processes.redis.kill9(),
            Fault::FreezeRedis => self.system.processes.redis.freeze(),
            Fault::FlushRedis => self.system.processes.redis.flush().unwrap(),
            Fault::FailOverRedis => self.system.processes.redis.copy().unwrap(),
            Fault::StepClocks(by) => self.clock.step(by),
        }
    }

    /// Repairs a fault.
    pub(super) fn repair(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(service, replica) => {
                self.system.processes.replicas(service)[replica]
                    .restart()
                    .unwrap();
            }
            Fault::Freeze(service, replica) => {
                signal(
                    self.system.processes.replicas(service)[replica].id(),
                    Signal::SIGCONT,
                );
            }
            Fault::Link(link, _) => self.links[link].make(LinkState::Open),
            Fault::KillPostgres => self.cluster().restart().unwrap(),
            Fault::ForbidWrites => {
                let allow =
                    format!("ALTER DATABASE {DATABASE} RESET default_transaction_read_only");
                self.cluster().run_statement("postgres", &allow).unwrap();
            }
            Fault::Demote => self.cluster().promote().unwrap(),
            Fault::FillDisk => {
                self.disk.as_ref().unwrap().empty();
                let cluster = self.cluster();
                if !cluster.alive() {
                    cluster.restart().unwrap();
                }
            }
            Fault::KillRedis => self.system.processes.redis.restart().unwrap(),
            Fault::FreezeRedis => self.system.processes.redis.thaw(),
            // Silent connections stay silent.
            Fault::Silence(_) | Fault::FlushRedis => {}
            Fault::FailOverRedis => {
                let redis = &mut self.system.processes.redis;
                redis.kill9();
                redis.restart().unwrap();
                redis.drop_copy().unwrap();
            }
            Fault::StepClocks(by) => self.clock.step(-by),
        }
    }

    /// Waits until no operation is in progress: every service completes its work, exits and is
    /// restarted. Before the restart, the clock moves forward by `wait`.
    pub(super) async fn quiet(&mut self, wait: TimeDelta) {
        while sqlx::query("SELECT 1").execute(&self.ledger).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::task::block_in_place(|| {
            self.stop_services();
            self.links.iter().for_each(Link::bury);
            self.clock.step(wait);
            self.start_services();
        });
    }

    fn cluster(&mut self) -> &mut Cluster {
        self.system.processes.cluster.as_mut().unwrap()
    }

    fn stop_services(&mut self) {
        let system = &mut self.system.processes;
        system.processes().for_each(Process::ask_to_stop);
        system.processes().for_each(|process| process.stop(DRAINED));
    }

    fn start_services(&mut self) {
        let system = &mut self.system.processes;
        system
            .processes()
            .for_each(|process| process.restart().unwrap());
        system
            .processes()
            .for_each(|process| process.wait_ready(READY).unwrap());
    }

    /// A description of a fault for people.
    pub(super) fn tell(&self, fault: Fault) -> String {
        match fault {
            Fault::Link(link, state) => format!("{}: {state:?}", self.links[link].name),
            Fault::Silence(link) => format!("{}: {}", self.links[link].name, fault.name()),
            _ => format!("{fault:?}"),
        }
    }
}

/// Splits an address on this machine into the text before the port, the port, and the text after it.
fn around_port(address: &str) -> (&str, u16, &str) {
    const HOST: &str = "127.0.0.1:";
    let at = address.find(HOST).unwrap() + HOST.len();
    let (before, rest) = address.split_at(at);
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (port, after) = rest.split_at(end);
    (before, port.parse().unwrap(), after)
}
