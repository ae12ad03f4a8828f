//! The profile `telephony`: real calls through the published ports of an Asterisk in a container, and what can be done
//! from inside its containers.

use std::collections::BTreeSet;
use std::process::Command;

use aikagi_devkit::command::show;
use aikagi_devkit::docker::bases::{self, Base};
use aikagi_devkit::docker::project::Project;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::process::executable;
use anyhow::{Context, Result, ensure};

use super::{RUNNING, Stage, confined};

/// The services of the profile.
const SERVICES: [&str; 2] = ["ivr", "asterisk"];
/// This machine in the network that Asterisk's ports are published from: callers are here, and call here.
const HERE: &str = "10.117.26.1";
const SIP_PORT: u16 = 18560;
const FIRST_RTP_PORT: u16 = 18600;
const LAST_RTP_PORT: u16 = 18639;
/// What the telephone has of the secrets: who it is, and whom it believes.
const SECRETS: [&str; 3] = ["authorities.pem", "identity.key", "identity.pem"];

/// The project with the settings that the profile needs here.
pub(super) fn settings(project: Project<'_>) -> Project<'_> {
    project
        .with("AIKAGI_TRUNK", HERE)
        .with("AIKAGI_SIP_ADDRESS", HERE)
        .with("AIKAGI_SIP_BIND", HERE)
        .with("AIKAGI_SIP_PORT", SIP_PORT.to_string())
        .with(
            "AIKAGI_RTP_PORTS",
            format!("{FIRST_RTP_PORT}-{LAST_RTP_PORT}"),
        )
}

/// Starts the profile, calls, looks at it from inside, and takes it away again.
pub(super) fn calls(stage: &Stage<'_>) -> Result<()> {
    install::ensure(&[Tool::SipTester], stage.console)?;
    let Project { engine, repo, .. } = stage.project;
    bases::ensure(engine, repo, stage.console, &[Base::Testing])?;
    let up = ["--profile=telephony", "up", "--detach", "--wait", "--build"];
    stage.project.run(&[&up[..], &SERVICES].concat())?;

    let file = stage.published_state()?;
    let mut calls = Command::new(executable(&stage.binaries, "call-test")?);
    calls.arg("--home").arg(stage.home.join("calls"));
    calls.arg("through").arg("--state").arg(file);
    calls.args(["--asterisk", &format!("{HERE}:{SIP_PORT}")]);
    show(&mut calls, "the calls")?;

    publishes_only(stage, "ivr", &BTreeSet::new())?;
    let media = (FIRST_RTP_PORT..=LAST_RTP_PORT).map(|port| format!("{port}/udp"));
    let ports = media.chain(["5060/udp".to_owned()]).collect();
    publishes_only(stage, "asterisk", &ports)?;
    holds_only_its_secrets(stage)?;
    confined::check(stage, &[&RUNNING[..], &SERVICES].concat())?;
    let down = ["--profile=telephony", "rm", "--stop", "--force"];
    stage.project.run(&[&down[..], &SERVICES].concat())
}

fn publishes_only(stage: &Stage<'_>, service: &str, ports: &BTreeSet<String>) -> Result<()> {
    let format = "{{range $port, $_ := .HostConfig.PortBindings}}{{println $port}}{{end}}";
    for container in stage.project.containers(service)? {
        let engine = stage.project.engine;
        let published = engine.ask(&["inspect", "--format", format, &container.name])?;
        let published: BTreeSet<String> = published.lines().map(str::to_owned).collect();
        ensure!(published == *ports, "{service} publishes {published:?}");
    }
    Ok(())
}

fn holds_only_its_secrets(stage: &Stage<'_>) -> Result<()> {
    for container in stage.project.containers("ivr")? {
        let directory = format!("/proc/{}/root/secrets", container.pid);
        let entries = std::fs::read_dir(&directory).context("cannot look into the telephone")?;
        let held: BTreeSet<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        ensure!(
            held.iter().eq(SECRETS.iter()),
            "the telephone holds {held:?}"
        );
    }
    Ok(())
}
