//! What can be done from inside each container: whom it reaches, what it can write, who it is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aikagi_devkit::command;
use aikagi_devkit::docker::project::Container;
use anyhow::{Context, Result, bail, ensure};

use super::Stage;
use super::outside::{Outside, PORT, THERE};

/// Who speaks with whom; everyone else must not. A pair shares a network, so the other way round there is a way,
/// too: what listens there wants a certificate that its policy names.
const TABLE: [(&str, &[&str]); 9] = [
    (
        "gateway",
        &["issuance", "authentication", "password", "units", "redis"],
    ),
    ("issuance", &["postgres", "redis"]),
    ("authentication", &["postgres", "redis"]),
    ("password", &["postgres", "authentication"]),
    ("units", &["postgres", "authentication"]),
    ("postgres", &[]),
    ("redis", &[]),
    ("asterisk", &["ivr"]),
    ("ivr", &["gateway"]),
];

/// Those that are published, which is a way out, too.
const LEAVE: [&str; 2] = ["gateway", "asterisk"];

/// The ports that each listens on. Asterisk takes no connections: its calls come by UDP.
const PORTS: [(&str, &[u16]); 9] = [
    ("gateway", &[8443, 8444]),
    ("issuance", &[7301]),
    ("authentication", &[7302]),
    ("password", &[7303]),
    ("units", &[7304]),
    ("postgres", &[5432]),
    ("redis", &[6379]),
    ("asterisk", &[]),
    ("ivr", &[4573, 7305]),
];

/// Where each may write; the others nowhere.
const WRITABLE: [(&str, &[&str]); 3] = [
    (
        "postgres",
        &[
            "/run/postgresql",
            "/tmp",
            "/var/lib/aikagi-archive",
            "/var/lib/aikagi-backups",
            "/var/lib/postgresql",
        ],
    ),
    ("redis", &["/run/aikagi", "/var/lib/aikagi-redis"]),
    ("asterisk", &["/run/asterisk"]),
];

/// The user that everything runs as.
const USER: &str = "65532";
/// Seconds after which nobody answers any more.
const PATIENCE: &str = "1";

/// Looks at every container of these services, which all run.
pub(super) fn check(stage: &Stage<'_>, services: &[&'static str]) -> Result<()> {
    let mut containers = BTreeMap::new();
    for service in services.iter().copied() {
        let found = stage.project.containers(service)?;
        ensure!(!found.is_empty(), "{service} does not run");
        containers.insert(service, found);
    }
    let outside = Outside::begin()?;
    let mut tried = 0;
    for (service, replicas) in &containers {
        for container in replicas {
            is_nobody(container)?;
            writes_only(container, of(&WRITABLE, service).unwrap_or_default())?;
            let leaves = connecting(container, THERE.into(), PORT)?
                .wait()
                .context("nsenter was lost")?
                .success();
            ensure!(
                leaves == LEAVE.contains(service),
                "{} reaches the world: {leaves}",
                container.name
            );
            tried += reaches_only(service, container, &containers)?;
        }
    }
    drop(outside);
    stage.console.step(&format!(
        "{tried} connections were tried: all that the table forbids failed, all others succeeded"
    ));
    Ok(())
}

fn of<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value)
}

fn speak(one: &str, other: &str) -> bool {
    let calls = |from, to: &str| of(&TABLE, from).is_some_and(|all| all.contains(&to));
    calls(one, other) || calls(other, one)
}

/// Tries every address of every other container from inside this one; returns how many were tried.
fn reaches_only(
    service: &str,
    container: &Container,
    all: &BTreeMap<&str, Vec<Container>>,
) -> Result<usize> {
    let mut waiting = Vec::new();
    for (other, replicas) in all.iter().filter(|(other, _)| **other != service) {
        for replica in replicas {
            for port in of(&PORTS, other).unwrap_or_default() {
                let mut ways = Vec::new();
                for address in &replica.addresses {
                    ways.push(connecting(container, *address, *port)?);
                }
                waiting.push((*other, *port, ways));
            }
        }
    }
    let mut tried = 0;
    for (other, port, ways) in waiting {
        let mut reached = 0;
        for mut way in ways {
            tried += 1;
            reached += u32::from(way.wait().context("nsenter was lost")?.success());
        }
        // A pair shares one network, so one of the addresses answers.
        let expected = u32::from(speak(service, other));
        ensure!(
            reached == expected,
            "{} reached {other}:{port} at {reached} addresses, not at {expected}",
            container.name
        );
    }
    Ok(tried)
}

/// An attempt to connect from inside a container.
fn connecting(container: &Container, address: IpAddr, port: u16) -> Result<Child> {
    let mut attempt = Command::new("nsenter");
    attempt
        .arg(format!("--net=/proc/{}/ns/net", container.pid))
        .args(["timeout", PATIENCE, "bash", "-c"])
        .arg(format!("exec 3<>/dev/tcp/{address}/{port}"))
        .stderr(Stdio::null());
    attempt.spawn().context("cannot start nsenter")
}

/// Not root, without any capability, and without a way to get one.
fn is_nobody(container: &Container) -> Result<()> {
    let status = read(container, "status")?;
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_default()
    };
    ensure!(value("Uid:") == USER, "{} is another user", container.name);
    for set in ["CapEff:", "CapPrm:", "CapBnd:"] {
        ensure!(
            value(set).trim_start_matches('0').is_empty(),
            "{} has capabilities",
            container.name
        );
    }
    ensure!(
        value("NoNewPrivs:") == "1",
        "{} may gain privileges",
        container.name
    );
    Ok(())
}

/// Nothing can be written but where it must, even by root: the mounts themselves are read-only.
fn writes_only(container: &Container, places: &[&str]) -> Result<()> {
    for directory in ["", "etc", "usr", "usr/local/bin"] {
        let file = format!("/proc/{}/root/{directory}/probe", container.pid);
        match std::fs::File::create(Path::new(&file)) {
            Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {}
            Err(error) => bail!("{}: /{directory}: {error}", container.name),
            Ok(_) => bail!("{}: /{directory} can be written", container.name),
        }
    }
    let mounts = read(container, "mountinfo")?;
    let mut writable: Vec<&str> = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            Some((fields.nth(4)?, fields.next()?))
        })
        .filter(|(_, options)| options.split(',').any(|option| option == "rw"))
        .map(|(place, _)| place)
        .filter(|place| !is_kernel(place))
        .collect();
    writable.sort_unstable();
    ensure!(
        writable == places,
        "{} can write at {writable:?}",
        container.name
    );
    Ok(())
}

/// What the kernel and the engine put into every container, and nothing survives in.
fn is_kernel(place: &str) -> bool {
    ["/proc", "/sys", "/dev"]
        .iter()
        .any(|root| place == *root || place.starts_with(&format!("{root}/")))
}

fn read(container: &Container, file: &str) -> Result<String> {
    let path = format!("/proc/{}/{file}", container.pid);
    command::run(Command::new("cat").arg(&path))
        .with_context(|| format!("cannot look into {}", container.name))
}
