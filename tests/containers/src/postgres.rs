//! The trials' operations on PostgreSQL, with the commands of docs/operations.md.

use anyhow::{Result, ensure};

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

/// Makes a backup of a PostgreSQL server.
pub(crate) fn backup(system: &ContainerSystem<'_>, container: &str) -> Result<()> {
    system
        .project
        .run(&["exec", "-T", container, "pgbackrest", "backup"])
}

/// Checks every backup and every archived WAL segment in the repository of pgBackRest.
pub(crate) fn verify_backups(system: &ContainerSystem<'_>) -> Result<()> {
    let verify = ["exec", "-T", "postgres", "pgbackrest", "verify"];
    let found = system
        .project
        .ask(&[&verify[..], &["--output=text", "--verbose"]].concat())?;
    let is_valid = found.contains("status: ok") && !found.contains("status: error");
    ensure!(is_valid, "the backups are not valid: {found}");
    Ok(())
}

/// Renames PostgreSQL's data directory, and restores the data from the last backup before `moment`. Then replays the
/// WAL archive up to `moment`. If `moment` is `None`, uses the last backup and the whole archive.
pub(crate) fn restore_to(system: &ContainerSystem<'_>, moment: Option<&str>) -> Result<()> {
    let run = |program: &str, arguments: &[&str]| {
        let entrypoint = format!("--entrypoint={program}");
        let run = ["run", "--rm", "--no-deps", &entrypoint, "postgres"];
        system.project.run(&[&run[..], arguments].concat())
    };
    run("mv", &["-T", DATA, &format!("{DATA}.before")])?;
    let target = moment.map(|moment| format!("--target={moment}"));
    let mut restore = vec!["restore"];
    if let Some(target) = &target {
        restore.extend(["--type=time", "--target-action=promote", target]);
    }
    run("pgbackrest", &restore)
}

/// Stops every service, the gateway and the edge first, so that nothing writes to PostgreSQL.
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
        "{synchronous} standbys confirm each commit, not 1"
    );
    Ok(())
}
