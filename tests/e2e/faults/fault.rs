//! What can go wrong, for how long, and when.

use std::time::Duration;

use aikagi_devkit::installation::workloads::Service;
use chrono::TimeDelta;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};

use super::links::Way;

/// A fault. What it strikes is named by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `kill -9`.
    Kill(Service, usize),
    /// SIGSTOP.
    Freeze(Service, usize),
    Way(usize, Way),
    KillPostgres,
    FillDisk,
    KillRedis,
    FreezeRedis,
    FlushRedis,
    /// A replica takes over that got nothing any more since the fault began.
    FailOverRedis,
    StepClocks(TimeDelta),
}

/// A fault and its time, from the beginning of a round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    pub(super) fault: Fault,
    pub(super) strikes: Duration,
    pub(super) mended: Duration,
}

/// What there is to be struck.
#[derive(Debug, Clone)]
pub(super) struct Targets {
    pub(super) replicas: Vec<(Service, usize)>,
    pub(super) links: usize,
    pub(super) disk: bool,
}

impl Fault {
    /// What it is called in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kill(..) => "kill -9 of a service",
            Self::Freeze(..) => "a stopped service",
            Self::Way(_, Way::Cut) => "a cut connection",
            Self::Way(_, Way::Held) => "a silent connection",
            Self::Way(..) => "a slow connection",
            Self::KillPostgres => "kill -9 of PostgreSQL",
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
        matches!(self, Self::KillPostgres | Self::FillDisk)
    }

    fn any(targets: &Targets, rng: &mut StdRng) -> Self {
        let replica = |rng: &mut StdRng| *targets.replicas.choose(rng).unwrap();
        match rng.random_range(0..100) {
            0..22 => {
                let (service, replica) = replica(rng);
                Self::Kill(service, replica)
            }
            22..32 => {
                let (service, replica) = replica(rng);
                Self::Freeze(service, replica)
            }
            32..54 => {
                let link = (0..targets.links).choose(rng).unwrap();
                let slow = Way::Slow(Duration::from_millis(rng.random_range(5..80)));
                let way = *[Way::Cut, Way::Held, slow].choose(rng).unwrap();
                Self::Way(link, way)
            }
            54..64 => Self::KillPostgres,
            64..68 if targets.disk => Self::FillDisk,
            64..74 => Self::KillRedis,
            74..78 => Self::FreezeRedis,
            78..84 => Self::FlushRedis,
            84..92 => Self::FailOverRedis,
            _ => Self::StepClocks(TimeDelta::seconds(rng.random_range(-10..=10))),
        }
    }
}

/// The faults of a round: one after another or at once, but of each store no more than one.
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
                mended: strikes + lasts,
            });
        }
    }
    planned
}
