//! Measures the memory of each service at rest and after load, and the time until it is ready.

use aikagi_devkit::installation::workloads::Service;
use aikagi_hashing::Settings;
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::Instant;

use super::logins::{Subscribers, logins};
use super::report::{Bound, Measure};
use super::system::{BenchSystem, unlimited};
use super::{BenchEnvironment, Effort};

/// The memory that a service may use in addition to its hashing arenas.
const ALLOWED_MIB: f64 = 32.0;
/// The longest time until a service is ready.
const READY: Duration = Duration::from_mins(1);

/// Measures resident memory without the arenas, at rest and after load, and the time from the start
/// of a service until it is ready.
pub(super) async fn measure(
    environment: &BenchEnvironment,
    effort: Effort,
) -> Result<Vec<Measure>> {
    let mut system = BenchSystem::start(environment, "rest", unlimited)?;
    let mut measures = Vec::new();
    for service in Service::ALL {
        measures.push(memory(&mut system, service, "at rest", 0.0)?);
    }
    let subscribers = Subscribers::of(&system).await?;
    for _ in 0..effort.rounds {
        logins(&subscribers, effort.slice).await?;
    }
    let settings = Settings::default();
    let arena = f64::from(settings.memory_kib) / 1024.0;
    for service in Service::ALL {
        let arenas = match service {
            // Each hashing thread keeps its arena after its first hash.
            Service::Authentication | Service::Password | Service::Issuance => {
                u32::try_from(settings.threads())?
            }
            _ => 0,
        };
        let beside = f64::from(arenas) * arena;
        measures.push(memory(&mut system, service, "after load", beside)?);
    }
    for service in Service::ALL {
        measures.push(readiness(&mut system, service, effort)?);
    }
    Ok(measures)
}

fn memory(system: &mut BenchSystem, service: Service, when: &str, beside: f64) -> Result<Measure> {
    let replicas = system.processes.replicas(service);
    let pid = replicas.first().context("the service has no replica")?.id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("the kernel reports no resident memory")?;
    let resident = resident.trim().parse::<f64>()? / 1024.0;
    Ok(Measure::of(
        format!("{} {when}, without its hashing arenas", service.name()),
        "the memory that it may use",
        "MiB",
        vec![(resident - beside, ALLOWED_MIB)],
        Bound::AtMost(1.0),
    ))
}

/// Measures the time from the start of a process until it is ready, against a process that only prints its version.
fn readiness(system: &mut BenchSystem, service: Service, effort: Effort) -> Result<Measure> {
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let replicas = system.processes.replicas(service);
        let replica = replicas.first_mut().context("the service has no replica")?;
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
        "a process that only prints its version",
        "ms",
        rounds,
        Bound::None,
    ))
}
