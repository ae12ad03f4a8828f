//! Disruptions while subscribers use the system. No acknowledged change is lost. A planned restart
//! fails no RPC. The kill of a service fails only the RPCs in progress in it. While a killed store does
//! not run, RPCs fail.

use aikagi_devkit::command::wait_until;
use aikagi_devkit::docker::project::Container;
use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::subscribers::{Allowed, NOTHING, SUBSCRIBERS, Subscribers};
use crate::system::{ContainerSystem, LIMIT, SERVICES};

/// The number of rounds in which every replica must take its share of the load.
const SHARE_ROUNDS: usize = 4 * SUBSCRIBERS;

/// LOGIN-4, INV-2: new replicas take their share of the load immediately. Removing them fails no
/// RPC.
pub(super) fn scaling(system: &ContainerSystem<'_>) -> Result<()> {
    let subscribers = Subscribers::start(system)?;
    system.up(&["--no-recreate", "--scale", "authentication=3"])?;
    let replicas = system.project.containers("authentication")?;
    ensure!(
        replicas.len() == 3,
        "there are {} replicas of authentication, not 3",
        replicas.len()
    );
    let before = processor_times(&replicas)?;
    subscribers.wait_for_rounds(SHARE_ROUNDS)?;
    let after = processor_times(&replicas)?;
    let shares: Vec<u64> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after.saturating_sub(*before))
        .collect();
    let whole: u64 = shares.iter().sum();
    system.console.step(&format!(
        "the three replicas used this processor time, in clock ticks: {shares:?}"
    ));
    // The balancer picks two replicas at random and uses the less busy one, so the shares differ.
    // The expected share is a third; the bound is a tenth.
    ensure!(
        whole > 0 && shares.iter().all(|share| share * 10 >= whole),
        "the load is not spread: {shares:?}"
    );
    system.up(&["--no-recreate", "--scale", "authentication=1"])?;
    subscribers.wait_for_rounds(SUBSCRIBERS)?;
    subscribers.finish(NOTHING)
}

/// Restarts every replica of every service with SIGTERM, one after the other. No RPC fails.
pub(super) fn rolling(system: &ContainerSystem<'_>) -> Result<()> {
    system.scale_to_two()?;
    let subscribers = Subscribers::start(system)?;
    system.restart_each(&SERVICES)?;
    subscribers.finish(NOTHING)
}

/// Kills each container with SIGKILL, one after the other. A killed service fails only the RPCs
/// that it had in progress. A killed store fails RPCs until it runs again. No acknowledged change
/// is lost (INV-3, INV-4).
pub(super) fn kills(system: &ContainerSystem<'_>) -> Result<()> {
    system.scale_to_two()?;
    let in_progress = Allowed {
        failed: SUBSCRIBERS,
        ..NOTHING
    };
    for service in SERVICES {
        for container in system.project.containers(service)? {
            let subscribers = Subscribers::start(system)?;
            kill_container(system, service, &container)?;
            subscribers.finish(in_progress)?;
        }
    }
    for store in ["redis", "postgres"] {
        for container in system.project.containers(store)? {
            let subscribers = Subscribers::start(system)?;
            kill_container(system, store, &container)?;
            system.wait_until_all_healthy()?;
            subscribers.finish(Allowed {
                failed: usize::MAX,
                lost_with_redis: store == "redis",
                ..NOTHING
            })?;
        }
    }
    Ok(())
}

/// INV-3: after Redis has lost everything, subscribers dial or log in again.
pub(super) fn emptied(system: &ContainerSystem<'_>) -> Result<()> {
    let subscribers = Subscribers::start(system)?;
    for _ in 0..3 {
        let answer =
            system
                .project
                .ask(&["exec", "-T", "redis", "aikagi-redis-cli", "FLUSHALL"])?;
        ensure!(answer.trim() == "OK", "Redis was not emptied: {answer}");
        subscribers.wait_for_rounds(SUBSCRIBERS)?;
    }
    subscribers.finish(Allowed {
        lost_with_redis: true,
        ..NOTHING
    })
}

/// Kills the first process of a container. Waits until the engine has restarted the container and
/// it is healthy.
fn kill_container(
    system: &ContainerSystem<'_>,
    service: &str,
    container: &Container,
) -> Result<()> {
    let pid = i32::try_from(container.pid).context("the container has no process id")?;
    kill(Pid::from_raw(pid), Signal::SIGKILL)
        .with_context(|| format!("cannot kill {}", container.name))?;
    system
        .console
        .step(&format!("{} was killed", container.name));
    let restarted = wait_until(LIMIT, || {
        let now = system.project.containers(service).unwrap_or_default();
        now.iter()
            .any(|now| now.name == container.name && now.pid != 0 && now.pid != container.pid)
    });
    ensure!(restarted, "{} was not restarted", container.name);
    system.wait_until_healthy(service)
}

/// The processor time that each container's first process has used, in clock ticks.
fn processor_times(containers: &[Container]) -> Result<Vec<u64>> {
    let ticks = |container: &Container| {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", container.pid)).ok()?;
        // The fields after the name in brackets: 0 is the state, 11 is utime, 12 is stime.
        let fields: Vec<&str> = text.rsplit(") ").next()?.split(' ').collect();
        let user: u64 = fields.get(11)?.parse().ok()?;
        let system: u64 = fields.get(12)?.parse().ok()?;
        Some(user + system)
    };
    containers
        .iter()
        .map(|container| {
            ticks(container).with_context(|| format!("{} has no process", container.name))
        })
        .collect()
}
