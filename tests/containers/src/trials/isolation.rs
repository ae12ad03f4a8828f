//! The isolation of each container: its connections to others, its writable mounts, its rights.

mod outside_host;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aikagi_devkit::command;
use aikagi_devkit::docker::project::Container;
use anyhow::{Context, Result, bail, ensure};
use outside_host::{ADDRESS, OutsideHost, PORT};

use crate::system::ContainerSystem;

/// The services that each container connects to. Two containers that are not a pair in this table
/// must not be able to connect.
///
/// Each pair shares a network, so the second container can also connect to the first, which is
/// allowed. But the first container accepts only the certificates that its policy names.
const CONNECTIONS: [(&str, &[&str]); 10] = [
    ("edge", &["authentication", "password", "units", "redis"]),
    ("gateway", &["issuance", "authentication", "units"]),
    ("issuance", &["postgres", "redis"]),
    ("authentication", &["postgres", "redis"]),
    ("password", &["postgres", "authentication"]),
    ("units", &["postgres", "authentication"]),
    ("postgres", &[]),
    ("redis", &[]),
    ("asterisk", &["ivr"]),
    ("ivr", &["gateway"]),
];

/// The containers with published ports. Their network reaches hosts outside this machine.
const PUBLISHED: [&str; 3] = ["edge", "gateway", "asterisk"];

/// The TCP ports of each container. Asterisk has none: its calls come by UDP.
const PORTS: [(&str, &[u16]); 10] = [
    ("edge", &[8443]),
    ("gateway", &[8444]),
    ("issuance", &[7301]),
    ("authentication", &[7302]),
    ("password", &[7303]),
    ("units", &[7304]),
    ("postgres", &[5432]),
    ("redis", &[6379]),
    ("asterisk", &[]),
    ("ivr", &[4573, 7305]),
];

/// The mounts that a container can write to. A container that is not listed has none.
const WRITABLE: [(&str, &[&str]); 3] = [
    (
        "postgres",
        &[
            "/run/postgresql",
            "/tmp",
            "/var/lib/pgbackrest",
            "/var/lib/postgresql",
        ],
    ),
    ("redis", &["/run/aikagi", "/var/lib/aikagi-redis"]),
    ("asterisk", &["/run/asterisk"]),
];

/// The user of every container.
const USER: &str = "65532";
/// The time after which a connection attempt fails, in seconds.
const CONNECT_LIMIT: &str = "1";

/// Checks every container of these services, all of which must be running.
pub(super) fn check(system: &ContainerSystem<'_>, services: &[&'static str]) -> Result<()> {
    let mut containers = BTreeMap::new();
    for service in services.iter().copied() {
        let found = system.project.containers(service)?;
        ensure!(!found.is_empty(), "{service} does not run");
        containers.insert(service, found);
    }
    let outside_host = OutsideHost::start()?;
    let mut attempts = 0;
    for (service, replicas) in &containers {
        for container in replicas {
            check_rights(container)?;
            check_writable(container, of(&WRITABLE, service).unwrap_or_default())?;
            let leads_out = connecting(container, ADDRESS.into(), PORT)?
                .wait()
                .context("cannot wait for nsenter")?
                .success();
            ensure!(
                leads_out == PUBLISHED.contains(service),
                "{} {} a host outside",
                container.name,
                if leads_out {
                    "reaches"
                } else {
                    "does not reach"
                }
            );
            attempts += check_connections(service, container, &containers)?;
        }
    }
    drop(outside_host);
    system.console.step(&format!(
        "{attempts} connections were tried: only those between pairs of the table succeeded"
    ));
    Ok(())
}

fn of<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value)
}

fn share_a_network(one: &str, other: &str) -> bool {
    let connects = |from, to: &str| of(&CONNECTIONS, from).is_some_and(|all| all.contains(&to));
    connects(one, other) || connects(other, one)
}

/// Tries every address of every other service's containers from inside this one. Returns the number of attempts.
fn check_connections(
    service: &str,
    container: &Container,
    all: &BTreeMap<&str, Vec<Container>>,
) -> Result<usize> {
    let mut pending = Vec::new();
    for (other, replicas) in all.iter().filter(|(other, _)| **other != service) {
        for replica in replicas {
            for port in of(&PORTS, other).unwrap_or_default() {
                let mut attempts = Vec::new();
                for address in &replica.addresses {
                    attempts.push(connecting(container, *address, *port)?);
                }
                pending.push((*other, *port, attempts));
            }
        }
    }
    let mut count = 0;
    for (other, port, attempts) in pending {
        let mut connected = 0;
        for mut attempt in attempts {
            count += 1;
            let ended = attempt.wait().context("cannot wait for nsenter")?;
            connected += u32::from(ended.success());
        }
        // A pair shares one network, so the other container accepts at one of its addresses.
        let expected = u32::from(share_a_network(service, other));
        ensure!(
            connected == expected,
            "{} connected to {other}:{port} at {connected} addresses, not at {expected}",
            container.name
        );
    }
    Ok(count)
}

/// Starts an attempt to connect from inside a container's network.
fn connecting(container: &Container, address: IpAddr, port: u16) -> Result<Child> {
    let mut attempt = Command::new("nsenter");
    attempt
        .arg(format!("--net=/proc/{}/ns/net", container.pid))
        .args(["timeout", CONNECT_LIMIT, "bash", "-c"])
        .arg(format!("exec 3<>/dev/tcp/{address}/{port}"))
        .stderr(Stdio::null());
    attempt.spawn().context("cannot start nsenter")
}

/// Fails if the container's process is root, has a capability, or could get one.
fn check_rights(container: &Container) -> Result<()> {
    let status = read(container, "status")?;
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_default()
    };
    let user = value("Uid:");
    ensure!(
        user == USER,
        "{} runs as user {user}, not {USER}",
        container.name
    );
    for set in ["CapEff:", "CapPrm:", "CapBnd:"] {
        ensure!(
            value(set).trim_start_matches('0').is_empty(),
            "{} has capabilities",
            container.name
        );
    }
    ensure!(
        value("NoNewPrivs:") == "1",
        "{} can gain privileges",
        container.name
    );
    Ok(())
}

/// Fails if anyone, even root, can write to a mount that is not allowed.
fn check_writable(container: &Container, allowed: &[&str]) -> Result<()> {
    for directory in ["", "etc", "usr", "usr/local/bin"] {
        let file = format!("/proc/{}/root/{directory}/probe", container.pid);
        match std::fs::File::create(Path::new(&file)) {
            Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {}
            Err(error) => bail!("{}: /{directory}: {error}", container.name),
            Ok(_) => bail!("{} can write to /{directory}", container.name),
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
        .map(|(directory, _)| directory)
        .filter(|directory| !is_kernel(directory))
        .collect();
    writable.sort_unstable();
    ensure!(
        writable == allowed,
        "{} can write to {writable:?}, not only to {allowed:?}",
        container.name
    );
    Ok(())
}

/// True for mounts of the kernel and the engine. Every container has them, and they store no data.
fn is_kernel(directory: &str) -> bool {
    ["/proc", "/sys", "/dev"]
        .iter()
        .any(|root| directory == *root || directory.starts_with(&format!("{root}/")))
}

fn read(container: &Container, file: &str) -> Result<String> {
    let path = format!("/proc/{}/{file}", container.pid);
    command::run(Command::new("cat").arg(&path))
        .with_context(|| format!("cannot read {path} of {}", container.name))
}
