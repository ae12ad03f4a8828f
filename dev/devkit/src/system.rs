//! The whole system on one machine: both stores, identities, keys, and the services with replicas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aikagi_installation::certificates::{Authority, Identity};
use aikagi_installation::files::{private_directory, write_private};
use aikagi_installation::key_files::ensure_key_files;
use aikagi_installation::random::random_hexadecimal;
use aikagi_installation::redis_users::{RedisUser, acl_file};
use aikagi_installation::workloads::{OutsideWorkload, Service, Store, postgres_roles};
use anyhow::{Context, Result};
use toml::Table;

use crate::command::run;
use crate::ports::{self, Ports, free_ports, usual_ports};
use crate::postgres::{self, Cluster, SUPERUSER};
use crate::process::{Process, Program, executable};
use crate::redis::{self, Redis};
use crate::settings::{Login, ServiceEnvironment, settings};

/// The database of a system with its own cluster.
pub const DATABASE: &str = "aikagi";
const READY_LIMIT: Duration = Duration::from_mins(1);
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// The PostgreSQL that a system uses.
#[derive(Clone, Debug)]
pub enum Database {
    /// A cluster in the system's directory, for this system only.
    Own(postgres::Options),
    /// An existing database with the ledger's schema. The caller must keep it while the system
    /// runs.
    Shared(SharedDatabase),
}

/// The URLs of a database that is not the system's own.
#[derive(Clone, Debug)]
pub struct SharedDatabase {
    /// The URL for the superuser.
    pub superuser_url: String,
    /// The URL for each role that logs in.
    pub role_urls: BTreeMap<String, String>,
}

/// Changes the settings of one replica of a service before they are written.
pub type Adjust = fn(Service, u16, &mut Table);

/// Options of a system.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of all files of the system.
    pub dir: PathBuf,
    /// The directory of the services' executables.
    pub binaries: PathBuf,
    /// The system's PostgreSQL.
    pub database: Database,
    /// The options of the system's Redis.
    pub redis: redis::Options,
    /// The number of replicas of a service; 1 for a service that is not listed.
    pub replicas: BTreeMap<Service, u16>,
    /// True for the usual ports, false for free ones.
    pub usual_ports: bool,
    /// True for a log format for people, false for a log format for machines.
    pub pretty_logs: bool,
    /// Changes the settings of each replica before they are written.
    pub adjust: Adjust,
    /// Variables of the services' environment, besides those of this process.
    pub environment: Vec<(String, String)>,
}

impl Options {
    /// A system with its own stores, separate from other systems on this machine: everything listens on
    /// free ports. Commits survive a crash of the machine only if the system is `durable`, which makes it
    /// as slow as the disk.
    pub fn apart(dir: PathBuf, binaries: &Path, durable: bool) -> Result<Self> {
        Ok(Self {
            dir,
            binaries: binaries.to_owned(),
            database: Database::Own(postgres::Options {
                durable,
                port: Some(ports::free()?),
                passwords: true,
            }),
            redis: redis::Options {
                durable: false,
                port: Some(ports::free()?),
            },
            replicas: BTreeMap::new(),
            usual_ports: false,
            pretty_logs: false,
            adjust: |_, _, _| {},
            environment: Vec::new(),
        })
    }

    fn replicas(&self, service: Service) -> u16 {
        self.replicas.get(&service).copied().unwrap_or(1)
    }
}

/// A running system. It stops when this value is dropped.
pub struct System {
    // The fields are dropped in this order: services before their stores.
    services: BTreeMap<Service, Vec<Process>>,
    ports: BTreeMap<Service, Vec<Ports>>,
    /// The authority of the system's certificates.
    pub authority: Authority,
    /// The system's Redis.
    pub redis: Redis,
    /// The system's own cluster, if it has one.
    pub cluster: Option<Cluster>,
    shared_database: Option<SharedDatabase>,
    dir: PathBuf,
}

impl System {
    /// Starts everything and waits until every service is ready. Calls `report` with a text before each step.
    ///
    /// Reuses the data, keys, passwords and certificates that an earlier run left in the directory.
    pub fn start(options: &Options, mut report: impl FnMut(&str)) -> Result<Self> {
        let dir = private_directory(&options.dir)?
            .canonicalize()
            .with_context(|| format!("cannot read {}", options.dir.display()))?;
        for part in ["logs", "settings", "secrets"] {
            private_directory(&dir.join(part))?;
        }
        for store in Store::ALL {
            private_directory(&secrets(&dir, store))?;
        }

        report("starting PostgreSQL");
        let (cluster, shared_database) = match &options.database {
            Database::Own(own) => (Some(Cluster::start(&dir.join("postgres"), *own)?), None),
            Database::Shared(shared) => (None, Some(shared.clone())),
        };
        if let Some(cluster) = &cluster {
            report("applying the ledger's schema");
            prepare(cluster, &dir, &options.binaries)?;
        }

        report("starting Redis");
        let mut users = Vec::new();
        for user in RedisUser::ALL {
            let (_, password) = secret(&dir, Store::Redis, user.name())?;
            users.push(user.rule(password));
        }
        let redis = Redis::start(&dir.join("redis"), &acl_file(users), options.redis)?;

        report("making certificates and keys");
        let authority = Authority::open(&dir.join("certificates"))?;
        for workload in OutsideWorkload::ALL {
            authority.issue(workload.name(), &[])?;
        }
        ensure_key_files(&dir.join("secrets"))?;

        let ports = choose_ports(options)?;
        let services = BTreeMap::new();
        let mut system = Self {
            services,
            ports,
            authority,
            redis,
            cluster,
            shared_database,
            dir,
        };
        for service in Service::ALL {
            for replica in 0..options.replicas(service) {
                let process = system.start_service(service, replica, options)?;
                system.services.entry(service).or_default().push(process);
            }
        }
        report("waiting until every service is ready");
        for process in system.services.values_mut().flatten() {
            process.wait_ready(READY_LIMIT)?;
        }
        Ok(system)
    }

    /// The ports of a service's replicas.
    pub fn ports(&self, service: Service) -> &[Ports] {
        self.ports
            .get(&service)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The processes of a service's replicas.
    pub fn replicas(&mut self, service: Service) -> &mut [Process] {
        self.services
            .get_mut(&service)
            .map(Vec::as_mut_slice)
            .unwrap_or_default()
    }

    /// The processes of all services.
    pub fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.services.values_mut().flatten()
    }

    /// The identity of a service or an outside workload.
    pub fn identity(&self, name: &str) -> Result<Identity> {
        let dns: &[&str] = if Service::named(name).is_some() {
            &["localhost", name]
        } else {
            &[]
        };
        self.authority.issue(name, dns)
    }

    /// The directory of the logs: one file for each replica.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The URL of the database for the superuser.
    pub fn superuser_url(&self) -> Option<String> {
        let own = self.cluster.as_ref();
        let own = own.map(|cluster| cluster.socket_url(DATABASE, SUPERUSER));
        own.or_else(|| Some(self.shared_database.as_ref()?.superuser_url.clone()))
    }

    /// Stops everything in the reverse order of its start. Calls `report` with a text before each step.
    pub fn stop(mut self, mut report: impl FnMut(&str)) {
        for service in Service::ALL.into_iter().rev() {
            report(&format!("stopping {}", service.name()));
            let replicas = self.replicas(service);
            replicas.iter_mut().for_each(Process::ask_to_stop);
            for process in replicas {
                process.stop(DRAIN_LIMIT);
            }
        }
        report("stopping Redis");
        self.redis.stop();
        if let Some(cluster) = &mut self.cluster {
            report("stopping PostgreSQL");
            cluster.stop();
        }
    }

    fn start_service(&self, service: Service, replica: u16, options: &Options) -> Result<Process> {
        let ports = *self
            .ports(service)
            .get(usize::from(replica))
            .with_context(|| format!("{} has no ports", service.name()))?;
        let environment = ServiceEnvironment {
            identity: self.identity(service.name())?,
            postgres: service
                .postgres_role()
                .map(|role| self.postgres_login(role))
                .transpose()?,
            redis: service
                .redis_user()
                .map(|user| self.redis_login(user))
                .transpose()?,
            key_files: self.dir.join("secrets"),
            addresses: self
                .ports
                .iter()
                .map(|(service, ports)| {
                    (
                        *service,
                        ports
                            .iter()
                            .map(|port| format!("127.0.0.1:{}", port.main))
                            .collect(),
                    )
                })
                .collect(),
            pretty_logs: options.pretty_logs,
        };
        let mut table = settings(service, ports, &environment)?;
        (options.adjust)(service, replica, &mut table);

        let name = match replica {
            0 => service.name().to_owned(),
            _ => format!("{}-{}", service.name(), replica + 1),
        };
        let config = self.dir.join("settings").join(format!("{name}.toml"));
        write_private(&config, table.to_string().as_bytes())?;
        Process::start(Program {
            binary: executable(&options.binaries, &service.binary())?,
            config,
            log: self.logs().join(format!("{name}.log")),
            port: ports.main,
            environment: options.environment.clone(),
            name,
        })
    }

    fn postgres_login(&self, role: &str) -> Result<Login> {
        if let Some(cluster) = &self.cluster {
            let (file, _) = secret(&self.dir, Store::PostgreSql, role)?;
            return Ok(Login {
                url: cluster.url(DATABASE, role),
                password_file: Some(file),
            });
        }
        let shared = self.shared_database.as_ref();
        let url = shared.and_then(|shared| shared.role_urls.get(role));
        Ok(Login {
            url: url.with_context(|| format!("no URL for {role}"))?.clone(),
            password_file: None,
        })
    }

    fn redis_login(&self, user: RedisUser) -> Result<Login> {
        let (file, _) = secret(&self.dir, Store::Redis, user.name())?;
        Ok(Login {
            url: self.redis.url_without_password(user.name()),
            password_file: Some(file),
        })
    }
}

/// Creates the database in the system's own cluster, applies the ledger's schema and gives each role its password.
fn prepare(cluster: &Cluster, dir: &Path, binaries: &Path) -> Result<()> {
    for role in postgres_roles() {
        secret(dir, Store::PostgreSql, role)?;
    }
    // The program connects over the socket, on which the server asks for no password.
    let mut migrate = Command::new(executable(binaries, "aikagi-setup")?);
    migrate
        .args(["migrate", "--database", DATABASE, "--url"])
        .arg(cluster.socket_url("postgres", SUPERUSER))
        .arg("--secrets")
        .arg(secrets(dir, Store::PostgreSql));
    run(&mut migrate).context("cannot apply the ledger's schema")?;
    Ok(())
}

fn choose_ports(options: &Options) -> Result<BTreeMap<Service, Vec<Ports>>> {
    let mut chosen = BTreeMap::new();
    for service in Service::ALL {
        let mut all = Vec::new();
        for replica in 0..options.replicas(service) {
            let ports = if options.usual_ports {
                usual_ports(service, replica)
            } else {
                free_ports(service)?
            };
            for port in [Some(ports.main), ports.health].into_iter().flatten() {
                ports::require_free(port, service.name())?;
            }
            all.push(ports);
        }
        chosen.insert(service, all);
    }
    Ok(chosen)
}

/// The directory with the passwords of a store's users.
fn secrets(dir: &Path, store: Store) -> PathBuf {
    dir.join("secrets").join(store.name())
}

/// The password of a store's user, and its file. Makes a password if the file does not exist.
fn secret(dir: &Path, store: Store, user: &str) -> Result<(PathBuf, String)> {
    let file = secrets(dir, store).join(format!("{user}.password"));
    if let Ok(password) = std::fs::read_to_string(&file) {
        return Ok((file, password));
    }
    let password = random_hexadecimal()?;
    write_private(&file, password.as_bytes())?;
    Ok((file, password))
}
