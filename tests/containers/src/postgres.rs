//! The trials' operations on PostgreSQL, with the commands of docs/operations.md.

use anyhow::{Context, Result, ensure};

use crate::system::{ContainerSystem, SERVICES};

/// The data directory in PostgreSQL's containers.
pub(crate) const DATA: &str = "/var/lib/postgresql/17";
/// Counts the standbys that confirm each commit.
const SYNCHRONOUS: &str = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";

/// Runs a statement in a container of PostgreSQL, and returns its result.
pub(crate) fn psql(
    system: &ContainerSystem<'_>,
    container: &str,
    statement: &str,
) -> Result<String> {
    let query = [
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
    Ok(system.project.ask(&query)?.trim().to_owned())
}

/// Makes a backup of a PostgreSQL server, and returns the backup's name.
pub(crate) fn backup(system: &ContainerSystem<'_>, container: &str) -> Result<String> {
    let output = system
        .project
        .ask(&["exec", "-T", container, "aikagi-backup"])?;
    let name = output.lines().last().context("the backup has no name")?;
    Ok(name.trim().to_owned())
}

/// Replaces PostgreSQL's data. `backup` has the name of a backup, and optionally the time up to
/// which the archive is replayed.
pub(crate) fn restore_to(system: &ContainerSystem<'_>, backup: &[&str]) -> Result<()> {
    let run = ["run", "--rm", "--no-deps", "--entrypoint=aikagi-restore"];
    system
        .project
        .run(&[&run[..], &["postgres"], backup].concat())
}

/// Stops every service, the gateway first, so that nothing writes to PostgreSQL.
pub(crate) fn stop_services(system: &ContainerSystem<'_>) -> Result<()> {
    let mut stop = vec!["stop"];
    stop.extend(SERVICES.iter().rev());
    system.project.run(&stop)
}

/// Fails unless exactly one standby confirms each commit.
pub(crate) fn has_a_standby(system: &ContainerSystem<'_>) -> Result<()> {
    let synchronous = psql(system, "postgres", SYNCHRONOUS)?;
    ensure!(
        synchronous == "1",
        "{synchronous} synchronous standbys, not 1"
    );
    Ok(())
}
