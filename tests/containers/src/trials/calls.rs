//! The profile `ivr`: real calls through the published ports of an Asterisk in a container, and the
//! isolation of the profile's containers.

use std::collections::BTreeSet;

use aikagi_devkit::docker::bases::{self, Base};
use aikagi_devkit::install::{self, Tool};
use anyhow::{Context, Result, ensure};

use super::isolation;
use crate::system::{ContainerSystem, MEDIA_PORTS, RUNNING, SIP_ADDRESS, SIP_PORT};

const PROFILE: &str = "--profile=ivr";
/// The services of the profile.
const SERVICES: [&str; 2] = ["ivr", "asterisk"];
/// The secrets of the IVR adapter: its identity, and the authorities that it trusts.
const SECRETS: [&str; 3] = ["authorities.pem", "identity.key", "identity.pem"];

/// Starts the profile, makes calls, checks its containers, and removes them.
pub(super) fn make(system: &ContainerSystem<'_>) -> Result<()> {
    install::ensure(&[Tool::SipTester], system.console)?;
    let (engine, repo) = (system.project.engine, system.repo);
    bases::ensure(engine, repo, system.console, &[Base::Testing])?;
    let up = [PROFILE, "up", "--detach", "--wait", "--build"];
    system.project.run(&[&up[..], &SERVICES].concat())?;

    let home = system.home.join("calls");
    let home = home.to_str().context("the directory is not UTF-8")?;
    let asterisk = format!("{SIP_ADDRESS}:{SIP_PORT}");
    let arguments = ["--home", home, "through", "--asterisk", &asterisk];
    system.run_program("call-test", &arguments)?;

    check_published(system, "ivr", &BTreeSet::new())?;
    let (first, last) = MEDIA_PORTS;
    let media = (first..=last).map(|port| format!("{port}/udp"));
    let ports = media.chain(["5060/udp".to_owned()]).collect();
    check_published(system, "asterisk", &ports)?;
    check_secrets(system)?;
    isolation::check(system, &[&RUNNING[..], &SERVICES].concat())?;
    let remove = [PROFILE, "rm", "--stop", "--force"];
    system.project.run(&[&remove[..], &SERVICES].concat())
}

/// Fails if a service publishes other ports than these.
fn check_published(
    system: &ContainerSystem<'_>,
    service: &str,
    ports: &BTreeSet<String>,
) -> Result<()> {
    let format = "{{range $port, $_ := .HostConfig.PortBindings}}{{println $port}}{{end}}";
    for container in system.project.containers(service)? {
        let engine = system.project.engine;
        let published = engine.ask(&["inspect", "--format", format, &container.name])?;
        let published: BTreeSet<String> = published.lines().map(str::to_owned).collect();
        ensure!(
            published == *ports,
            "{service} publishes the ports {published:?}, not {ports:?}"
        );
    }
    Ok(())
}

/// Fails if the IVR adapter has other secrets than its own.
fn check_secrets(system: &ContainerSystem<'_>) -> Result<()> {
    for container in system.project.containers("ivr")? {
        let directory = format!("/proc/{}/root/secrets", container.pid);
        let entries = std::fs::read_dir(&directory)
            .context("cannot read the secrets in the IVR adapter's container")?;
        let found: BTreeSet<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        ensure!(
            found.iter().eq(SECRETS.iter()),
            "the IVR adapter has the secrets {found:?}, not {SECRETS:?}"
        );
    }
    Ok(())
}
