//! The members of an installation: services, jobs, stores and outside workloads. Only this file lists them.

use crate::key_files::KeyFile;
use crate::redis_users::RedisUser;

/// The services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Lines and numbers.
    Units,
    /// Login, limits of attempts, sessions.
    Authentication,
    /// The permanent password.
    Password,
    /// Call dialogs and temporary passwords.
    Issuance,
    /// The public port.
    Edge,
    /// The private port.
    Gateway,
}

impl Service {
    /// All services, each after its upstreams.
    pub const ALL: [Self; 6] = [
        Self::Authentication,
        Self::Units,
        Self::Password,
        Self::Issuance,
        Self::Edge,
        Self::Gateway,
    ];

    /// The service's name, which is also the name of its workload identity.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Units => "units",
            Self::Authentication => "authentication",
            Self::Password => "password",
            Self::Issuance => "issuance",
            Self::Edge => "edge",
            Self::Gateway => "gateway",
        }
    }

    /// Finds a service by its name; `None` for an unknown name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// The name of the service's executable. The edge and the gateway are two roles of one executable.
    pub fn binary(self) -> String {
        let program = match self {
            Self::Edge => Self::Gateway,
            Self::Units
            | Self::Authentication
            | Self::Password
            | Self::Issuance
            | Self::Gateway => self,
        };
        format!("aikagi-{}", program.name())
    }

    /// The service's role in PostgreSQL; `None` if the service does not use PostgreSQL.
    pub const fn postgres_role(self) -> Option<&'static str> {
        match self {
            Self::Units => Some("aikagi_units"),
            Self::Authentication => Some("aikagi_authentication"),
            Self::Password => Some("aikagi_password"),
            Self::Issuance => Some("aikagi_issuance"),
            Self::Edge | Self::Gateway => None,
        }
    }

    /// The service's user in Redis; `None` if the service does not use Redis.
    pub const fn redis_user(self) -> Option<RedisUser> {
        match self {
            Self::Issuance => Some(RedisUser::Issuance),
            Self::Authentication => Some(RedisUser::Authentication),
            Self::Edge => Some(RedisUser::Gateway),
            Self::Password | Self::Units | Self::Gateway => None,
        }
    }

    /// INV-9: the files of keys that the service needs. Only a service that compares passwords can open hashes.
    pub const fn key_files(self) -> &'static [KeyFile] {
        match self {
            Self::Authentication => &[KeyFile::KeyRing],
            Self::Password | Self::Units => &[KeyFile::SealingRing],
            Self::Issuance => &[KeyFile::SealingRing, KeyFile::CallKeys],
            Self::Edge | Self::Gateway => &[],
        }
    }

    /// The services whose RPCs this service uses.
    pub const fn upstreams(self) -> &'static [Self] {
        match self {
            Self::Edge => &[Self::Authentication, Self::Password, Self::Units],
            Self::Gateway => &[Self::Issuance, Self::Authentication, Self::Units],
            Self::Password | Self::Units => &[Self::Authentication],
            Self::Issuance | Self::Authentication => &[],
        }
    }
}

/// The jobs that run beside the services, each with a role in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Seals every hash in the ledger again under the active key.
    Reseal,
    /// Removes old months of the audit trail.
    Retention,
}

impl Job {
    /// All jobs.
    pub const ALL: [Self; 2] = [Self::Reseal, Self::Retention];

    /// The job's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reseal => "reseal",
            Self::Retention => "retention",
        }
    }

    /// The job's role in PostgreSQL.
    pub const fn postgres_role(self) -> &'static str {
        match self {
            Self::Reseal => "aikagi_reseal",
            Self::Retention => "aikagi_retention",
        }
    }

    /// INV-9: the files of keys that the job needs.
    pub const fn key_files(self) -> &'static [KeyFile] {
        match self {
            Self::Reseal => &[KeyFile::KeyRing],
            Self::Retention => &[],
        }
    }
}

/// A workload that uses the services through the gateway. It has an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutsideWorkload {
    /// The IVR platform.
    Ivr,
    /// A settings back end.
    Backend,
    /// The operator's command line, `aikagictl`.
    Operator,
}

impl OutsideWorkload {
    /// All outside workloads.
    pub const ALL: [Self; 3] = [Self::Ivr, Self::Backend, Self::Operator];

    /// The name in the workload's identity.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ivr => "ivr",
            Self::Backend => "backend",
            Self::Operator => "operator",
        }
    }

    /// True if the installation runs the workload in a container.
    pub const fn has_container(self) -> bool {
        match self {
            Self::Ivr | Self::Operator => true,
            Self::Backend => false,
        }
    }
}

/// The stores. Their servers have certificates too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Data that must not be lost.
    PostgreSql,
    /// Data that expires by itself.
    Redis,
}

impl Store {
    /// Both stores.
    pub const ALL: [Self; 2] = [Self::PostgreSql, Self::Redis];

    /// The store's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgres",
            Self::Redis => "redis",
        }
    }

    /// The host names of all servers of the store.
    pub const fn host_names(self) -> &'static [&'static str] {
        match self {
            Self::PostgreSql => &["postgres", "postgres-standby"],
            Self::Redis => &[
                "redis",
                "redis-replica",
                "sentinel-1",
                "sentinel-2",
                "sentinel-3",
            ],
        }
    }
}

/// The name under which the installation stores the password of PostgreSQL's superuser.
pub const POSTGRES_SUPERUSER: &str = "superuser";

/// The names under which the installation stores the passwords of PostgreSQL's users that belong to
/// no service and no job.
pub const POSTGRES_USERS: [&str; 2] = [POSTGRES_SUPERUSER, "replication"];

/// The roles in PostgreSQL that log in: one for each service and job that uses PostgreSQL.
pub fn postgres_roles() -> impl Iterator<Item = &'static str> {
    let services = Service::ALL.into_iter().filter_map(Service::postgres_role);
    services.chain(Job::ALL.into_iter().map(Job::postgres_role))
}
