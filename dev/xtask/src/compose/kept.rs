//! Backups and rotating, each as docs/operations.md says it: passwords and counts survive (LOGIN-3).

use std::process::Command;
use std::time::Duration;

use aikagi_devkit::command::{show, wait_until};
use aikagi_devkit::process::executable;
use anyhow::{Context, Result, ensure};

use super::Stage;
use super::disturbed::{SERVICES, roll, twofold};
use super::failover::has_a_standby;
use super::work::{NOTHING, SUBSCRIBERS, Work};

/// Everyone who has the key ring.
const KEY_HOLDERS: [&str; 4] = ["authentication", "issuance", "password", "units"];
const SETUP: &str = "/usr/local/bin/aikagi-setup";
pub(super) const LIMIT: Duration = Duration::from_mins(2);
/// The data directory in PostgreSQL's containers.
pub(super) const DATA: &str = "/var/lib/postgresql/17";
/// What a service says when it has taken new certificates.
const READ_AGAIN: &str = "certificates were read again";

/// Leaves something in the system, or looks for it.
pub(super) fn witness(stage: &Stage<'_>, what: &str, number: &str, wrong: u32) -> Result<()> {
    let file = stage.published_state()?;
    let mut command = Command::new(executable(&stage.binaries, "witness")?);
    command.arg(what).arg("--state").arg(file).args([
        "--number",
        number,
        "--wrong",
        &wrong.to_string(),
    ]);
    show(&mut command, &format!("witness {what} {number}"))
}

/// What a statement answers at a PostgreSQL.
pub(super) fn psql(stage: &Stage<'_>, container: &str, statement: &str) -> Result<String> {
    let asked = [
        "exec",
        "-T",
        container,
        "psql",
        "-U",
        "postgres",
        "-h",
        "/run/postgresql",
        "-At",
        "-c",
        statement,
        "aikagi",
    ];
    Ok(stage.project.ask(&asked)?.trim().to_owned())
}

/// Makes a backup of a PostgreSQL; returns its name.
pub(super) fn backup(stage: &Stage<'_>, container: &str) -> Result<String> {
    let said = stage
        .project
        .ask(&["exec", "-T", container, "aikagi-backup"])?;
    let name = said.lines().last().context("the backup has no name")?;
    Ok(name.trim().to_owned())
}

/// Stops every service, the edge first.
pub(super) fn stop_services(stage: &Stage<'_>) -> Result<()> {
    let mut stop = vec!["stop"];
    stop.extend(SERVICES.iter().rev());
    stage.project.run(&stop)
}

/// Puts a backup in the place of PostgreSQL's data: its name, and the moment that it is carried forward to.
pub(super) fn restore_to(stage: &Stage<'_>, backup: &[&str]) -> Result<()> {
    let run = ["run", "--rm", "--no-deps", "--entrypoint=aikagi-restore"];
    stage
        .project
        .run(&[&run[..], &["postgres"], backup].concat())
}

/// A backup, what came after it, and a moment in between: all before the moment is there, nothing after it.
pub(super) fn restore(stage: &Stage<'_>) -> Result<()> {
    witness(stage, "leave", "0311110001", 2)?;
    let backup = backup(stage, "postgres")?;
    witness(stage, "leave", "0311110002", 1)?;
    let moment = psql(stage, "postgres", "SELECT clock_timestamp()")?;
    witness(stage, "leave", "0311110003", 0)?;
    witness(stage, "guess", "0311110001", 1)?;
    let last = psql(stage, "postgres", "SELECT pg_walfile_name(pg_switch_wal())")?;
    let archived = wait_until(LIMIT, || {
        psql(
            stage,
            "postgres",
            "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver",
        )
        .is_ok_and(|kept| kept >= last)
    });
    ensure!(archived, "{last} is not in the archive");

    stop_services(stage)?;
    stage.project.run(&["stop", "postgres"])?;
    restore_to(stage, &[&backup, &moment])?;
    stage
        .project
        .run(&["up", "--detach", "--wait", "--no-deps", "postgres"])?;
    stage
        .project
        .run(&["exec", "-T", "redis", "aikagi-redis-cli", "FLUSHALL"])?;
    stage.up(&[])?;
    witness(stage, "find", "0311110001", 2)?;
    witness(stage, "find", "0311110002", 1)?;
    witness(stage, "miss", "0311110003", 0)?;

    // A standby that is made later goes on beyond that moment.
    let followed = stage.over(&["deploy/compose/standby.yml"]);
    followed.up(&[])?;
    has_a_standby(&followed)?;
    witness(&followed, "leave", "0311110004", 1)?;
    stage.up(&["--remove-orphans"])?;
    witness(stage, "find", "0311110004", 1)
}

/// INV-9: a new key seals, everything is sealed again under it, and the old one goes; new certificates are taken.
/// Nobody notices.
pub(super) fn rotation(stage: &Stage<'_>) -> Result<()> {
    twofold(stage)?;
    witness(stage, "leave", "0311120001", 3)?;
    let work = Work::begin(stage, &stage.state()?)?;
    let keys = |change: &[&str]| {
        let mut arguments = vec!["run", "--rm", "--no-deps", "-T", "secrets", SETUP, "keys"];
        arguments.extend(change);
        stage.project.run(&arguments)
    };
    keys(&["add", "2"])?;
    roll(stage, &KEY_HOLDERS)?;
    keys(&["use", "2"])?;
    roll(stage, &KEY_HOLDERS)?;
    stage
        .project
        .run(&["run", "--rm", "--no-deps", "-T", "reseal"])?;
    // Docs say a day; here a temporary password lives for seconds.
    work.rounds(2 * SUBSCRIBERS)?;
    keys(&["drop", "1"])?;
    roll(stage, &KEY_HOLDERS)?;
    work.end(stage, NOTHING)?;
    witness(stage, "find", "0311120001", 3)?;

    let before = read_again(stage)?;
    let work = Work::begin(stage, &stage.state()?)?;
    stage.project.run(&[
        "run",
        "--rm",
        "--no-deps",
        "-T",
        "secrets",
        SETUP,
        "secrets",
        "--renew",
        "--public-name=gateway",
    ])?;
    let taken = wait_until(LIMIT, || {
        read_again(stage).is_ok_and(|now| now >= before + 2 * SERVICES.len())
    });
    ensure!(taken, "not every service has taken the new certificates");
    stage
        .project
        .run(&["exec", "-T", "postgres", "pg_ctl", "reload", "-D", DATA])?;
    stage.project.run(&[
        "exec",
        "-T",
        "redis",
        "aikagi-redis-cli",
        "CONFIG",
        "SET",
        "tls-cert-file",
        "/secrets/identity.pem",
    ])?;
    work.rounds(2 * SUBSCRIBERS)?;
    work.end(stage, NOTHING)
}

/// How often services have said that they took new certificates.
fn read_again(stage: &Stage<'_>) -> Result<usize> {
    let mut arguments = vec!["logs", "--no-color"];
    arguments.extend(SERVICES);
    Ok(stage.project.ask(&arguments)?.matches(READ_AGAIN).count())
}
