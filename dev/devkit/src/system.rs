//! The whole system on one machine: both stores, identities, keys, and the five services with replicas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};
use toml::Table;

use crate::certs::{Authority, Identity, ensure_key_ring};
use crate::command::run;
use crate::database::TestDatabase;
use crate::paths::{hexadecimal, private_directory, write_private};
use crate::ports;
use crate::postgres::{self, Cluster, SUPERUSER};
use crate::process::{Process, Program, executable};
use crate::random::random_hexadecimal;
use crate::redis::{self, Redis};
use crate::settings::{Login, Ports, Service, Surroundings, settings};

/// The database of a system with a cluster of its own.
const DATABASE: &str = "aikagi";
/// The roles of jobs: the one that seals again under a new key, and the one that removes old months of the audit
/// trail.
const JOB_ROLES: [&str; 2] = ["aikagi_reseal", "aikagi_retention"];
const READY_LIMIT: Duration = Duration::from_mins(1);
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
/// Those outside who have an identity here.
pub const OUTSIDERS: [&str; 3] = ["ivr", "backend", "operator"];

/// Which PostgreSQL a system uses.
#[derive(Clone, Debug)]
pub enum Database {
    /// A cluster of its own in its directory.
    Own(postgres::Options),
    #[cfg(feature = "database")]
    /// A fresh database in the cluster whose superuser is at this URL.
    Shared(String),
}

/// Changes the settings of one replica of a service before they are written.
pub type Adjust = fn(Service, u16, &mut Table);

/// Writes Redis's ACL file, given the SHA-256 of each user's password in lower-case hexadecimal.
pub type RedisAcl = fn(&dyn Fn(&str) -> String) -> String;

/// How a system is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything that it keeps is.
    pub dir: PathBuf,
    /// Where the services' executables are.
    pub binaries: PathBuf,
    /// Its PostgreSQL.
    pub database: Database,
    /// How its Redis is run.
    pub redis: redis::Options,
    /// Redis's users: `|digest| aikagi_ttl::acl::file(|user| digest(user.name()))`.
    pub redis_acl: RedisAcl,
    /// Replicas of each service; one where nothing is said.
    pub replicas: BTreeMap<Service, u16>,
    /// The ports that people know, or free ones.
    pub usual_ports: bool,
    /// Logs for people instead of machines.
    pub pretty_logs: bool,
    /// A last change to the settings.
    pub adjust: Adjust,
    /// Variables of the services' environment beside ours.
    pub environment: Vec<(String, String)>,
}

impl Options {
    /// A system with stores of its own, apart from others on this machine: everything listens on free ports. What is
    /// committed survives a crash of the machine only if it is to be `durable`, at a disk's pace.
    pub fn apart(
        dir: PathBuf,
        binaries: &Path,
        redis_acl: RedisAcl,
        durable: bool,
    ) -> Result<Self> {
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
            redis_acl,
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

/// A running system; dropping it stops it.
pub struct System {
    // Dropped in this order: services before their stores.
    services: BTreeMap<Service, Vec<Process>>,
    ports: BTreeMap<Service, Vec<Ports>>,
    /// Who vouches for its identities.
    pub authority: Authority,
    /// Its Redis.
    pub redis: Redis,
    /// Its database, when that is in a shared cluster.
    pub test_database: Option<TestDatabase>,
    /// Its cluster, when it has one of its own.
    pub cluster: Option<Cluster>,
    dir: PathBuf,
}

impl System {
    /// Starts everything and waits until every service is ready; `say` hears what is being done.
    ///
    /// What an earlier run left in the directory is used again: data, keys, passwords, certificates.
    #[cfg_attr(not(feature = "database"), allow(clippy::unused_async))]
    pub async fn start(options: &Options, mut say: impl FnMut(&str)) -> Result<Self> {
        let dir = private_directory(&options.dir)?
            .canonicalize()
            .with_context(|| format!("cannot read {}", options.dir.display()))?;
        for part in ["logs", "settings", "secrets"] {
            private_directory(&dir.join(part))?;
        }

        say("starting PostgreSQL");
        let (cluster, test_database) = match &options.database {
            Database::Own(own) => (Some(Cluster::start(&dir.join("postgres"), *own)?), None),
            #[cfg(feature = "database")]
            Database::Shared(url) => (None, Some(TestDatabase::at(url).await?)),
        };
        if let Some(cluster) = &cluster {
            say("migrating the ledger");
            prepare(cluster, &dir, &options.binaries)?;
        }

        say("starting Redis");
        let mut digests = BTreeMap::new();
        for user in Service::ALL.into_iter().filter_map(Service::redis_user) {
            let (_, password) = secret(&dir, "redis", user)?;
            let digest = Sha256::digest(password.as_bytes());
            digests.insert(user, hexadecimal(&digest, digest.len()));
        }
        let acl = (options.redis_acl)(&|user| digests.get(user).cloned().unwrap_or_default());
        let redis = Redis::start(&dir.join("redis"), &acl, options.redis)?;

        say("making certificates and keys");
        let authority = Authority::open(&dir.join("certificates"))?;
        for name in OUTSIDERS {
            authority.issue(name, &[])?;
        }
        ensure_key_ring(&key_ring(&dir))?;

        let ports = choose_ports(options)?;
        let services = BTreeMap::new();
        let mut system = Self {
            services,
            ports,
            authority,
            redis,
            test_database,
            cluster,
            dir,
        };
        for service in Service::ALL {
            for replica in 0..options.replicas(service) {
                let process = system.start_service(service, replica, options)?;
                system.services.entry(service).or_default().push(process);
            }
        }
        say("waiting until every service is ready");
        for process in system.services.values_mut().flatten() {
            process.wait_ready(READY_LIMIT)?;
        }
        Ok(system)
    }

    /// Where the replicas of a service listen.
    pub fn ports(&self, service: Service) -> &[Ports] {
        self.ports
            .get(&service)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The replicas of a service.
    pub fn replicas(&mut self, service: Service) -> &mut [Process] {
        self.services
            .get_mut(&service)
            .map(Vec::as_mut_slice)
            .unwrap_or_default()
    }

    /// Every service's processes.
    pub fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.services.values_mut().flatten()
    }

    /// The identity of somebody in or outside the system.
    pub fn identity(&self, name: &str) -> Result<Identity> {
        let dns: &[&str] = if Service::named(name).is_some() {
            &["localhost", name]
        } else {
            &[]
        };
        self.authority.issue(name, dns)
    }

    /// Where the services write their logs, one file for each replica.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// A URL of the database for its superuser.
    pub fn superuser_url(&self) -> Option<String> {
        let own = self
            .cluster
            .as_ref()
            .map(|cluster| cluster.socket_url(DATABASE, SUPERUSER));
        own.or_else(|| self.test_database.as_ref().map(TestDatabase::url))
    }

    /// Stops everything, last started first; `say` hears what is being done.
    pub fn stop(mut self, mut say: impl FnMut(&str)) {
        for service in Service::ALL.into_iter().rev() {
            say(&format!("stopping {}", service.name()));
            let replicas = self.replicas(service);
            replicas.iter_mut().for_each(Process::ask_to_stop);
            for process in replicas {
                process.stop(DRAIN_LIMIT);
            }
        }
        say("stopping Redis");
        self.redis.stop();
        if let Some(cluster) = &mut self.cluster {
            say("stopping PostgreSQL");
            cluster.stop();
        }
    }

    fn start_service(&self, service: Service, replica: u16, options: &Options) -> Result<Process> {
        let ports = *self
            .ports(service)
            .get(usize::from(replica))
            .with_context(|| format!("{} has no ports", service.name()))?;
        let around = Surroundings {
            identity: self.identity(service.name())?,
            postgres: service
                .postgres_role()
                .map(|role| self.postgres_login(&role))
                .transpose()?,
            redis: service
                .redis_user()
                .map(|user| self.redis_login(user))
                .transpose()?,
            key_ring: key_ring(&self.dir),
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
        let mut table = settings(service, ports, &around)?;
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
        if let Some(database) = &self.test_database {
            return Ok(Login {
                url: database.url_as(role),
                password_file: None,
            });
        }
        let cluster = self
            .cluster
            .as_ref()
            .context("the system has no PostgreSQL")?;
        let (file, _) = secret(&self.dir, "postgres", role)?;
        Ok(Login {
            url: cluster.url(DATABASE, role),
            password_file: Some(file),
        })
    }

    fn redis_login(&self, user: &str) -> Result<Login> {
        let (file, _) = secret(&self.dir, "redis", user)?;
        Ok(Login {
            url: self.redis.url_without_password(user),
            password_file: Some(file),
        })
    }
}

/// Migrates a cluster of the system's own, and gives each role its password.
fn prepare(cluster: &Cluster, dir: &Path, binaries: &Path) -> Result<()> {
    let mut migrate = Command::new(executable(binaries, "devkit-migrate")?);
    migrate
        .arg(cluster.socket_url("postgres", SUPERUSER))
        .arg(DATABASE);
    let roles = Service::ALL.into_iter().filter_map(Service::postgres_role);
    for role in roles.chain(JOB_ROLES.map(str::to_owned)) {
        let (file, _) = secret(dir, "postgres", &role)?;
        migrate.arg(format!("{role}={}", file.display()));
    }
    run(&mut migrate).context("cannot migrate the ledger")?;
    Ok(())
}

fn choose_ports(options: &Options) -> Result<BTreeMap<Service, Vec<Ports>>> {
    let mut chosen = BTreeMap::new();
    for service in Service::ALL {
        let mut all = Vec::new();
        for replica in 0..options.replicas(service) {
            let ports = if options.usual_ports {
                service.usual_ports(replica)
            } else {
                service.free_ports()?
            };
            for port in [Some(ports.main), ports.private].into_iter().flatten() {
                ports::require_free(port, service.name())?;
            }
            all.push(ports);
        }
        chosen.insert(service, all);
    }
    Ok(chosen)
}

fn key_ring(dir: &Path) -> PathBuf {
    dir.join("secrets/key-ring.toml")
}

/// The password of a store's user and the file that holds it, made once.
fn secret(dir: &Path, store: &str, user: &str) -> Result<(PathBuf, String)> {
    let file = dir.join("secrets").join(format!("{store}-{user}.password"));
    if let Ok(password) = std::fs::read_to_string(&file) {
        return Ok((file, password));
    }
    let password = random_hexadecimal()?;
    write_private(&file, password.as_bytes())?;
    Ok((file, password))
}
