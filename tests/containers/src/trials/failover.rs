//! Failover and failback, as docs/operations.md says. Passwords and counts survive (LOGIN-3).

use aikagi_devkit::command::wait_until;
use anyhow::{Result, ensure};

use crate::postgres::{DATA, backup, has_a_standby, restore_to, stop_services};
use crate::subscribers::{Allowed, NOTHING, Subscribers};
use crate::system::{ContainerSystem, LIMIT, PROJECT};
use crate::witness;

const FIRST: &str = "0311130001";
const SECOND: &str = "0311130002";

/// INV-3, INV-4: the master of Redis is killed, and Sentinel promotes the replica. Then the primary
/// of PostgreSQL is killed, and its standby is promoted. No acknowledged change in PostgreSQL is
/// lost.
pub(super) fn failover(system: &ContainerSystem<'_>) -> Result<()> {
    system.project.remove()?;
    let system = system.over(&["deploy/compose/standby.yml", "deploy/compose/sentinel.yml"]);
    let done = fail_over_and_back(&system);
    if done.is_err() {
        system.save_logs();
    }
    system.project.remove()?;
    done
}

fn fail_over_and_back(system: &ContainerSystem<'_>) -> Result<()> {
    system.up(&["--build"])?;
    witness::leave(system, FIRST, 2)?;
    has_a_standby(system)?;
    fail_over_redis(system)?;
    let promoted = system.over(&["deploy/compose/failed-over.yml"]);
    fail_over_postgres(system, &promoted)?;
    witness::find(system, FIRST, 2)?;
    fail_back(system, &promoted)
}

fn fail_over_redis(system: &ContainerSystem<'_>) -> Result<()> {
    let subscribers = Subscribers::start(system)?;
    system.project.run(&["kill", "redis"])?;
    wait_for_role(system, "redis-replica", "master")?;
    system.wait_until_all_healthy()?;
    subscribers.finish(Allowed {
        failed: usize::MAX,
        lost_with_redis: true,
        ..NOTHING
    })
}

/// Promotes the standby. In the system `promoted`, the standby has the primary's name.
fn fail_over_postgres(system: &ContainerSystem<'_>, promoted: &ContainerSystem<'_>) -> Result<()> {
    let subscribers = Subscribers::start(system)?;
    system.project.run(&["kill", "postgres"])?;
    let promote = ["pg_ctl", "promote", "-D", DATA];
    system
        .project
        .run(&[&["exec", "-T", "postgres-standby"][..], &promote].concat())?;
    promoted
        .project
        .run(&["up", "--detach", "--wait", "--no-deps", "postgres-standby"])?;
    system.wait_until_all_healthy()?;
    subscribers.finish(Allowed {
        failed: usize::MAX,
        ..NOTHING
    })
}

/// The former master of Redis becomes a replica. PostgreSQL's first server gets the data from a
/// backup of the promoted one, becomes the primary again, and gets a new standby.
fn fail_back(system: &ContainerSystem<'_>, promoted: &ContainerSystem<'_>) -> Result<()> {
    system.project.run(&["start", "redis"])?;
    wait_for_role(system, "redis", "slave")?;

    witness::leave(promoted, SECOND, 1)?;
    stop_services(promoted)?;
    backup(promoted, "postgres-standby")?;
    promoted.project.run(&["stop", "postgres-standby"])?;
    restore_to(system, None)?;
    promoted
        .project
        .run(&["rm", "--force", "postgres-standby"])?;
    let volume = format!("{PROJECT}_postgres-standby");
    system.project.engine.ask(&["volume", "rm", &volume])?;
    system.up(&[])?;
    has_a_standby(system)?;
    // The earlier `find` logged in, which set the count to 0 (LOGIN-3).
    witness::find(system, FIRST, 0)?;
    witness::find(system, SECOND, 1)
}

/// Waits until a Redis has this role.
fn wait_for_role(system: &ContainerSystem<'_>, container: &str, role: &str) -> Result<()> {
    let command = ["exec", "-T", container, "aikagi-redis-cli", "ROLE"];
    let has_role = wait_until(LIMIT, || {
        let answer = system.project.ask(&command);
        answer.is_ok_and(|answer| answer.starts_with(role))
    });
    ensure!(has_role, "{container} is not {role} after {LIMIT:?}");
    Ok(())
}
