//! Failing over, and back, as docs/operations.md says it: passwords and counts survive (LOGIN-3).

use aikagi_devkit::command::wait_until;
use anyhow::{Result, ensure};

use super::Stage;
use super::disturbed::all_healthy;
use super::kept::{DATA, LIMIT, backup, psql, restore_to, stop_services, witness};
use super::work::{Allowed, NOTHING, Work};

/// How many standbys confirm each commit.
const SYNCHRONOUS: &str = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";

/// INV-3, INV-4: the master of Redis goes and Sentinel makes the replica the master; then the primary of PostgreSQL
/// goes and its standby takes its place. What was acknowledged holds.
pub(super) fn failover(stage: &Stage<'_>) -> Result<()> {
    stage.project.remove()?;
    let layouts = ["deploy/compose/standby.yml", "deploy/compose/sentinel.yml"];
    let stage = stage.over(&layouts);
    let tried = fail_over(&stage);
    if tried.is_err() {
        let _ = stage.keep_logs();
    }
    stage.project.remove()?;
    tried
}

fn fail_over(stage: &Stage<'_>) -> Result<()> {
    stage.up(&["--build"])?;
    witness(stage, "leave", "0311130001", 2)?;
    has_a_standby(stage)?;

    let work = Work::begin(stage, &stage.state()?)?;
    stage.project.run(&["kill", "redis"])?;
    becomes(stage, "redis-replica", "master")?;
    all_healthy(stage)?;
    work.end(
        stage,
        Allowed {
            failed: usize::MAX,
            gone: true,
        },
    )?;

    let work = Work::begin(stage, &stage.state()?)?;
    stage.project.run(&["kill", "postgres"])?;
    stage.project.run(&[
        "exec",
        "-T",
        "postgres-standby",
        "pg_ctl",
        "promote",
        "-D",
        DATA,
    ])?;
    let after = stage.over(&["deploy/compose/failed-over.yml"]);
    after
        .project
        .run(&["up", "--detach", "--wait", "--no-deps", "postgres-standby"])?;
    all_healthy(stage)?;
    work.end(
        stage,
        Allowed {
            failed: usize::MAX,
            ..NOTHING
        },
    )?;
    witness(stage, "find", "0311130001", 2)?;
    fail_back(stage, &after)
}

/// What was the master of Redis follows the one that is; PostgreSQL moves back to its first server, and is followed
/// by a new standby.
fn fail_back(stage: &Stage<'_>, after: &Stage<'_>) -> Result<()> {
    stage.project.run(&["start", "redis"])?;
    becomes(stage, "redis", "slave")?;

    witness(after, "leave", "0311130002", 1)?;
    stop_services(after)?;
    let backup = backup(after, "postgres-standby")?;
    after.project.run(&["stop", "postgres-standby"])?;
    restore_to(stage, &[&backup])?;
    after.project.run(&["rm", "--force", "postgres-standby"])?;
    let volume = format!("{}_postgres-standby", super::TEST);
    stage.project.engine.ask(&["volume", "rm", &volume])?;
    stage.up(&[])?;
    has_a_standby(stage)?;
    // Finding it the first time was a login, which set its count to 0 (LOGIN-3).
    witness(stage, "find", "0311130001", 0)?;
    witness(stage, "find", "0311130002", 1)
}

/// One standby confirms each commit.
pub(super) fn has_a_standby(stage: &Stage<'_>) -> Result<()> {
    let synchronous = psql(stage, "postgres", SYNCHRONOUS)?;
    ensure!(synchronous == "1", "no synchronous standby: {synchronous}");
    Ok(())
}

/// Waits until a Redis has this role.
fn becomes(stage: &Stage<'_>, container: &str, role: &str) -> Result<()> {
    let asked = ["exec", "-T", container, "aikagi-redis-cli", "ROLE"];
    let has_become = wait_until(LIMIT, || {
        let told = stage.project.ask(&asked);
        told.is_ok_and(|told| told.starts_with(role))
    });
    ensure!(has_become, "{container} is no {role}");
    Ok(())
}
