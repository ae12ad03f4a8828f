//! Disturbances while subscribers are at work: what was acknowledged holds, and nobody notices but who was being
//! served by what was killed.

use std::time::Duration;

use aikagi_devkit::command::wait_until;
use aikagi_devkit::docker::project::Container;
use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Stage;
use super::work::{Allowed, NOTHING, SUBSCRIBERS, Work};

/// The services, the edge last.
pub(super) const SERVICES: [&str; 5] =
    ["authentication", "issuance", "password", "units", "gateway"];
const HEALTHY_LIMIT: Duration = Duration::from_mins(2);
/// Rounds of work that a new replica has to show that it takes part.
const SHARE_ROUNDS: usize = 4 * SUBSCRIBERS;

/// LOGIN-4, INV-2: more replicas take part at once, and nothing is dropped when they go.
pub(super) fn scaling(stage: &Stage<'_>) -> Result<()> {
    let work = Work::begin(stage, &stage.state()?)?;
    stage.up(&["--no-recreate", "--scale", "authentication=3"])?;
    let replicas = stage.project.containers("authentication")?;
    ensure!(replicas.len() == 3, "there are {} replicas", replicas.len());
    let before = busy(&replicas)?;
    work.rounds(SHARE_ROUNDS)?;
    let after = busy(&replicas)?;
    let shares: Vec<u64> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after.saturating_sub(*before))
        .collect();
    let whole: u64 = shares.iter().sum();
    stage.console.step(&format!(
        "processor time of the three replicas meanwhile, in clock ticks: {shares:?}"
    ));
    // A third each, give or take chance: two at random, the less busy one.
    ensure!(
        whole > 0 && shares.iter().all(|share| share * 10 >= whole),
        "load is not spread: {shares:?}"
    );
    stage.up(&["--no-recreate", "--scale", "authentication=1"])?;
    work.rounds(SUBSCRIBERS)?;
    work.end(stage, NOTHING)
}

/// SIGTERM to one replica of two after the other, of every service: nobody notices.
pub(super) fn rolling(stage: &Stage<'_>) -> Result<()> {
    twofold(stage)?;
    let work = Work::begin(stage, &stage.state()?)?;
    roll(stage, &SERVICES)?;
    work.end(stage, NOTHING)
}

/// Restarts every replica of these services, one after the other.
pub(super) fn roll(stage: &Stage<'_>, services: &[&str]) -> Result<()> {
    for service in services {
        for container in stage.project.containers(service)? {
            let restart = ["restart", "--time=40", &container.name];
            stage.project.engine.ask(&restart)?;
            healthy(stage, service)?;
        }
    }
    Ok(())
}

/// `kill -9` of each container, one after the other. A service's costs the calls that were in flight in it; a
/// store's costs what is asked of it until it is back. What was acknowledged holds (INV-3, INV-4).
pub(super) fn kills(stage: &Stage<'_>) -> Result<()> {
    twofold(stage)?;
    for service in SERVICES {
        for container in stage.project.containers(service)? {
            let work = Work::begin(stage, &stage.state()?)?;
            kill_container(stage, service, &container)?;
            work.end(
                stage,
                Allowed {
                    failed: SUBSCRIBERS,
                    ..NOTHING
                },
            )?;
        }
    }
    for store in ["redis", "postgres"] {
        for container in stage.project.containers(store)? {
            let work = Work::begin(stage, &stage.state()?)?;
            kill_container(stage, store, &container)?;
            all_healthy(stage)?;
            work.end(
                stage,
                Allowed {
                    failed: usize::MAX,
                    gone: store == "redis",
                },
            )?;
        }
    }
    Ok(())
}

/// INV-3: Redis loses everything, and people dial or log in again.
pub(super) fn emptied(stage: &Stage<'_>) -> Result<()> {
    let work = Work::begin(stage, &stage.state()?)?;
    for _ in 0..3 {
        let said = stage
            .project
            .ask(&["exec", "-T", "redis", "aikagi-redis-cli", "FLUSHALL"])?;
        ensure!(said.trim() == "OK", "Redis was not emptied: {said}");
        work.rounds(SUBSCRIBERS)?;
    }
    work.end(
        stage,
        Allowed {
            gone: true,
            ..NOTHING
        },
    )
}

/// Two replicas of every service.
pub(super) fn twofold(stage: &Stage<'_>) -> Result<()> {
    let scales = SERVICES.map(|service| format!("{service}=2"));
    let mut arguments = vec!["--no-recreate"];
    for scale in &scales {
        arguments.extend(["--scale", scale]);
    }
    stage.up(&arguments)
}

/// Ends its first process without warning, and waits until the engine has started it again.
fn kill_container(stage: &Stage<'_>, service: &str, container: &Container) -> Result<()> {
    let pid = i32::try_from(container.pid).context("no process id")?;
    kill(Pid::from_raw(pid), Signal::SIGKILL)
        .with_context(|| format!("cannot kill {}", container.name))?;
    stage
        .console
        .step(&format!("{} was killed", container.name));
    let gone = wait_until(HEALTHY_LIMIT, || {
        let now = stage.project.containers(service).unwrap_or_default();
        now.iter()
            .any(|now| now.name == container.name && now.pid != 0 && now.pid != container.pid)
    });
    ensure!(gone, "{} was not started again", container.name);
    healthy(stage, service)
}

/// Waits until every replica of a service says that it is ready.
pub(super) fn healthy(stage: &Stage<'_>, service: &str) -> Result<()> {
    let well = wait_until(HEALTHY_LIMIT, || {
        let containers = stage.project.containers(service).unwrap_or_default();
        !containers.is_empty() && containers.iter().all(|container| container.healthy)
    });
    ensure!(well, "{service} is not healthy again");
    Ok(())
}

/// Waits until every replica of every service says that it is ready.
pub(super) fn all_healthy(stage: &Stage<'_>) -> Result<()> {
    SERVICES
        .iter()
        .try_for_each(|service| healthy(stage, service))
}

/// How long each container's first process has been busy, in clock ticks.
fn busy(containers: &[Container]) -> Result<Vec<u64>> {
    let ticks = |container: &Container| {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", container.pid)).ok()?;
        // After the name, which is in brackets: state, and so on to utime and stime.
        let fields: Vec<&str> = text.rsplit(") ").next()?.split(' ').collect();
        let user: u64 = fields.get(11)?.parse().ok()?;
        let system: u64 = fields.get(12)?.parse().ok()?;
        Some(user + system)
    };
    containers
        .iter()
        .map(|container| ticks(container).with_context(|| format!("{} is gone", container.name)))
        .collect()
}
