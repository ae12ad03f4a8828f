//! Faults, their times and durations.

use std::time::Duration;

use aikagi_devkit::installation::workloads::Service;
use chrono::TimeDelta;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};

use super::links::LinkState;

/// A fault. Replicas and links are named by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `kill -9`.
    Kill(Service, usize),
    /// SIGSTOP.
    Freeze(Service, usize),
    Link(usize, LinkState),
    /// The connections of a link go silent and stay so, while new ones work.
    Silence(usize),
    KillPostgres,
    /// PostgreSQL refuses changes on new connections and closes the old ones. A connection that was opened meanwhile
    /// refuses changes for ever, as a connection to a demoted primary does.
    ForbidWrites,
    /// PostgreSQL is restarted as a standby, and promoted later.
    Demote,
    FillDisk,
    KillRedis,
    FreezeRedis,
    FlushRedis,
    /// A Redis replica becomes the master. It has received nothing since the fault began.
    FailOverRedis,
    StepClocks(TimeDelta),
}

/// A planned fault. Times count from the start of a round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    pub(super) fault: Fault,
    pub(super) strikes: Duration,
    pub(super) repaired: Duration,
}

/// The parts that faults can strike.
#[derive(Debug, Clone)]
pub(super) struct Targets {
    pub(super) replicas: Vec<(Service, usize)>,
    pub(super) links: usize,
    pub(super) disk: bool,
}

impl Fault {
    /// The name in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kill(..) => "kill -9 of a service",
            Self::Freeze(..) => "a stopped service",
            Self::Link(_, LinkState::Cut) => "a cut connection",
            Self::Link(_, LinkState::Held) => "a silent connection",
            Self::Link(..) => "a slow connection",
            Self::Silence(_) => "connections that stay silent",
            Self::KillPostgres => "kill -9 of PostgreSQL",
            Self::ForbidWrites => "connections that only read",
            Self::Demote => "a demoted primary",
            Self::FillDisk => "a full disk",
            Self::KillRedis => "kill -9 of Redis",
            Self::FreezeRedis => "a stopped Redis",
            Self::FlushRedis => "FLUSHALL",
            Self::FailOverRedis => "a stale replica of Redis",
            Self::StepClocks(_) => "a step of the clocks",
        }
    }

    const fn strikes_redis(self) -> bool {
        matches!(
            self,
            Self::KillRedis | Self::FreezeRedis | Self::FlushRedis | Self::FailOverRedis
        )
    }

    const fn strikes_postgres(self) -> bool {
        matches!(
            self,
            Self::KillPostgres | Self::ForbidWrites | Self::Demote | Self::FillDisk
        )
    }

    fn any(targets: &Targets, rng: &mut StdRng) -> Self {
        let replica = |rng: &mut StdRng| *targets.replicas.choose(rng).unwrap();
        let link = |rng: &mut StdRng| (0..targets.links).choose(rng).unwrap();
        match rng.random_range(0..100) {
            0..18 => {
                let (service, replica) = replica(rng);
                Self::Kill(service, replica)
            }
            18..26 => {
                let (service, replica) = replica(rng);
                Self::Freeze(service, replica)
            }
            26..44 => {
                let link = link(rng);
                let slow = LinkState::Slow(Duration::from_millis(rng.random_range(5..80)));
                let state = *[LinkState::Cut, LinkState::Held, slow].choose(rng).unwrap();
                Self::Link(link, state)
            }
            44..50 => Self::Silence(link(rng)),
            50..56 => Self::KillPostgres,
            56..62 => Self::ForbidWrites,
            62..65 => Self::Demote,
            65..68 if targets.disk => Self::FillDisk,
            65..74 => Self::KillRedis,
            74..78 => Self::FreezeRedis,
            78..84 => Self::FlushRedis,
            84..92 => Self::FailOverRedis,
            _ => Self::StepClocks(TimeDelta::seconds(rng.random_range(-10..=10))),
        }
    }
}

/// Plans the faults of a round. They may overlap, but each store has at most one.
pub(super) fn plan(targets: &Targets, rng: &mut StdRng) -> Vec<Planned> {
    let number = rng.random_range(1..=3);
    let mut planned: Vec<Planned> = Vec::new();
    while planned.len() < number {
        let fault = Fault::any(targets, rng);
        let already = |strikes: fn(Fault) -> bool| {
            strikes(fault) && planned.iter().any(|other| strikes(other.fault))
        };
        let strikes = Duration::from_millis(rng.random_range(0..200));
        let lasts = Duration::from_millis(rng.random_range(20..1200));
        if !already(Fault::strikes_redis) && !already(Fault::strikes_postgres) {
            planned.push(Planned {
                fault,
                strikes,
                repaired: strikes + lasts,
            });
        }
    }
    planned
}
