//! Memory of each service at rest and after load, and the time until it is ready.

use aikagi_devkit::installation::workloads::Service;
use aikagi_hashing::Settings;
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::Instant;

use super::logins::{Subscribers, logins};
use super::report::{Bound, Measure};
use super::stage::{Stage, unlimited};
use super::{Effort, Surroundings};

/// What a service may keep, beside its hashing arenas.
const ALLOWED_MIB: f64 = 32.0;
/// Longest that a service takes to be ready.
const READY: Duration = Duration::from_mins(1);

/// Resident memory beside the arenas, before anything was done and after load.
pub(super) async fn measure(around: &Surroundings, effort: Effort) -> Result<Vec<Measure>> {
    let mut stage = Stage::start(around, "rest", unlimited).await?;
    let mut measures = Vec::new();
    for service in Service::ALL {
        measures.push(memory(&mut stage, service, "at rest", 0.0)?);
    }
    let subscribers = Subscribers::of(&stage).await?;
    for _ in 0..effort.rounds {
        logins(&subscribers, effort.slice).await?;
    }
    let settings = Settings::default();
    let arena = f64::from(settings.memory_kib) / 1024.0;
    for service in Service::ALL {
        let arenas = match service {
            Service::Authentication => u32::try_from(settings.threads())?,
            // One change after another.
            Service::Password | Service::Issuance => 1,
            _ => 0,
        };
        let beside = f64::from(arenas) * arena;
        measures.push(memory(&mut stage, service, "after load", beside)?);
    }
    for service in Service::ALL {
        measures.push(readiness(&mut stage, service, effort)?);
    }
    Ok(measures)
}

fn memory(stage: &mut Stage, service: Service, when: &str, beside: f64) -> Result<Measure> {
    let replicas = stage.system.replicas(service);
    let pid = replicas.first().context("no replica")?.id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("the kernel tells no resident memory")?;
    let resident = resident.trim().parse::<f64>()? / 1024.0;
    Ok(Measure::of(
        format!("{} {when}, beside its hashing arenas", service.name()),
        "what it may keep",
        "MiB",
        vec![(resident - beside, ALLOWED_MIB)],
        Bound::AtMost(1.0),
    ))
}

/// From the start of a process until it says that it is ready, beside a process that only says its version.
fn readiness(stage: &mut Stage, service: Service, effort: Effort) -> Result<Measure> {
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let replicas = stage.system.replicas(service);
        let replica = replicas.first_mut().context("no replica")?;
        let begun = Instant::now();
        let mut bare = std::process::Command::new(&replica.program().binary);
        aikagi_devkit::command::run(bare.arg("--version"))?;
        let bare = begun.elapsed().as_secs_f64() * 1e3;
        replica.ask_to_stop();
        replica.wait_end(READY);
        let begun = Instant::now();
        replica.restart()?;
        replica.wait_ready(READY)?;
        rounds.push((begun.elapsed().as_secs_f64() * 1e3, bare));
    }
    Ok(Measure::of(
        format!("{} from its start until it is ready", service.name()),
        "a process that only tells its version",
        "ms",
        rounds,
        Bound::None,
    ))
}
