//! Backup and restore, as docs/operations.md says. Passwords and counts survive (LOGIN-3).

use aikagi_devkit::command::wait_until;
use anyhow::{Result, ensure};

use crate::postgres::{backup, has_a_standby, psql, restore_to, stop_services, verify_backups};
use crate::system::{ContainerSystem, LIMIT};
use crate::witness;

const BEFORE_BACKUP: &str = "0311110001";
const BEFORE_MOMENT: &str = "0311110002";
const AFTER_MOMENT: &str = "0311110003";
const AFTER_RESTORE: &str = "0311110004";

/// Restores a backup to a point in time. The changes that were acknowledged before that time are
/// there. Later changes are not.
pub(super) fn restore(system: &ContainerSystem<'_>) -> Result<()> {
    witness::leave(system, BEFORE_BACKUP, 2)?;
    backup(system, "postgres")?;
    witness::leave(system, BEFORE_MOMENT, 1)?;
    let moment = psql(system, "postgres", "SELECT clock_timestamp()")?;
    witness::leave(system, AFTER_MOMENT, 0)?;
    witness::guess(system, BEFORE_BACKUP, 1)?;
    wait_until_archived(system)?;
    verify_backups(system)?;

    stop_services(system)?;
    system.project.run(&["stop", "postgres"])?;
    restore_to(system, Some(&moment))?;
    system
        .project
        .run(&["up", "--detach", "--wait", "--no-deps", "postgres"])?;
    system
        .project
        .run(&["exec", "-T", "redis", "aikagi-redis-cli", "FLUSHALL"])?;
    system.up(&[])?;
    witness::find(system, BEFORE_BACKUP, 2)?;
    witness::find(system, BEFORE_MOMENT, 1)?;
    witness::find_none(system, AFTER_MOMENT)?;
    follow_with_a_standby(system)
}

/// Closes the current WAL segment, and waits until it is in the archive.
fn wait_until_archived(system: &ContainerSystem<'_>) -> Result<()> {
    let last = psql(
        system,
        "postgres",
        "SELECT pg_walfile_name(pg_switch_wal())",
    )?;
    let archived = wait_until(LIMIT, || {
        psql(
            system,
            "postgres",
            "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver",
        )
        .is_ok_and(|archived| archived >= last)
    });
    ensure!(archived, "{last} is not in the archive after {LIMIT:?}");
    Ok(())
}

/// Checks that a new standby follows the restored server.
fn follow_with_a_standby(system: &ContainerSystem<'_>) -> Result<()> {
    let followed = system.over(&["deploy/compose/standby.yml"]);
    followed.up(&[])?;
    has_a_standby(&followed)?;
    witness::leave(&followed, AFTER_RESTORE, 1)?;
    system.up(&["--remove-orphans"])?;
    witness::find(system, AFTER_RESTORE, 1)
}
