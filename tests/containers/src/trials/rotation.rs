//! Rotation of the key and of the certificates, as docs/operations.md says. No RPC fails. Passwords
//! and counts survive (LOGIN-3).

use aikagi_devkit::command::wait_until;
use anyhow::{Result, ensure};

use crate::postgres::DATA;
use crate::subscribers::{NOTHING, SUBSCRIBERS, Subscribers};
use crate::system::{ContainerSystem, LIMIT, SERVICES};
use crate::witness;

const WITNESS: &str = "0311120001";
/// The services that have the key ring, or keys that are derived from it.
const KEY_HOLDERS: [&str; 4] = ["authentication", "issuance", "password", "units"];
const SETUP: &str = "/usr/local/bin/aikagi-setup";
/// The log message of a service that has reloaded a certificate.
const RELOADED: &str = "certificate reloaded";

/// INV-9: replaces the key, then the certificates.
pub(super) fn rotation(system: &ContainerSystem<'_>) -> Result<()> {
    system.scale_to_two()?;
    rotate_key(system)?;
    rotate_certificates(system)
}

/// Adds a new key, activates it, seals everything again with it, and removes the old key.
fn rotate_key(system: &ContainerSystem<'_>) -> Result<()> {
    witness::leave(system, WITNESS, 3)?;
    let subscribers = Subscribers::start(system)?;
    run_setup(system, &["keys", "add", "2"])?;
    system.restart_each(&KEY_HOLDERS)?;
    run_setup(system, &["keys", "activate", "2"])?;
    system.restart_each(&KEY_HOLDERS)?;
    system
        .project
        .run(&["run", "--rm", "--no-deps", "-T", "reseal"])?;
    // Operators wait a day, until all temporary passwords under the old key have expired. Here, two
    // rounds of each subscriber use up all these passwords.
    subscribers.wait_for_rounds(2 * SUBSCRIBERS)?;
    run_setup(system, &["keys", "remove", "1"])?;
    system.restart_each(&KEY_HOLDERS)?;
    subscribers.finish(NOTHING)?;
    witness::find(system, WITNESS, 3)
}

/// Replaces the certificates. Services reload them by themselves; the stores need a command.
fn rotate_certificates(system: &ContainerSystem<'_>) -> Result<()> {
    let before = count_reloads(system)?;
    let subscribers = Subscribers::start(system)?;
    run_setup(system, &["secrets", "--renew", "--public-name=edge"])?;
    let replicas = 2 * SERVICES.len();
    let reloaded = wait_until(LIMIT, || {
        count_reloads(system).is_ok_and(|now| now >= before + replicas)
    });
    ensure!(
        reloaded,
        "not every replica has loaded the new certificates"
    );
    system
        .project
        .run(&["exec", "-T", "postgres", "pg_ctl", "reload", "-D", DATA])?;
    let set = ["CONFIG", "SET", "tls-cert-file", "/secrets/identity.pem"];
    system
        .project
        .run(&[&["exec", "-T", "redis", "aikagi-redis-cli"][..], &set].concat())?;
    subscribers.wait_for_rounds(2 * SUBSCRIBERS)?;
    subscribers.finish(NOTHING)
}

/// Runs `aikagi-setup` in the container of the job `secrets`.
fn run_setup(system: &ContainerSystem<'_>, arguments: &[&str]) -> Result<()> {
    let run = ["run", "--rm", "--no-deps", "-T", "secrets", SETUP];
    system.project.run(&[&run[..], arguments].concat())
}

/// Counts the log lines of services that reloaded their own certificate. The edge's public
/// certificate does not count.
fn count_reloads(system: &ContainerSystem<'_>) -> Result<usize> {
    let mut arguments = vec!["logs", "--no-color"];
    arguments.extend(SERVICES);
    let logs = system.project.ask(&arguments)?;
    let reloads = logs.lines().filter(|line| line.contains(RELOADED));
    Ok(reloads.filter(|line| line.contains("identity")).count())
}
