//! Real calls. A SIP client presses real keys, a real Asterisk in a container takes the calls, and
//! the IVR adapter passes them to the whole system. The tests recognise the recordings in the audio
//! from Asterisk.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up fails"
)]

mod asterisk;
mod audio;
mod caller;
mod cases;
mod faults;
mod ivr_system;
mod system_clients;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aikagi_api::units::v1::Line as State;
use aikagi_client::{Ivr, Operator, RunningSystem, Site};
use aikagi_domain::guidance::Language;
use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;

use asterisk::AsteriskContainer;
use audio::Recordings;
use caller::{Heard, Trunk};
use cases::Case;
use faults::Scene;
use ivr_system::IvrSystem;
use system_clients::SystemClients;

/// After this time Asterisk ends a call. No case takes this long.
const LONGEST: Duration = Duration::from_mins(10);
/// The time between the starts of two calls.
const APART: Duration = Duration::from_millis(100);

/// The paths and the image that the calls need.
#[derive(Debug)]
pub struct CallsEnvironment {
    /// The name of the Asterisk image.
    pub image: String,
    /// The directory of this build's executables.
    pub binaries: PathBuf,
    /// An empty directory for logs, audio and settings.
    pub home: PathBuf,
}

/// Makes all calls, then the calls with faults. Reports progress through `say`.
pub async fn make(environment: &CallsEnvironment, mut say: impl FnMut(&str)) -> Result<()> {
    let calls = environment.home.join("calls");
    std::fs::create_dir_all(&calls).context("cannot create the directory")?;
    let home = environment
        .home
        .canonicalize()
        .context("cannot resolve the directory")?;
    let recordings = Arc::new(Recordings::load(&ivr_system::manifest()?, Language::Ja)?);
    let mut system = IvrSystem::open(&home, &environment.binaries)?;
    let asterisk = AsteriskContainer::start(&environment.image, &home, system.agi, LONGEST)?;

    let cases = cases::all();
    say(&format!("{} calls, all at the same time", cases.len()));
    let clients = system.clients()?;
    hold(
        cases,
        asterisk.trunk,
        &recordings,
        &clients,
        &calls,
        &mut say,
    )
    .await?;
    ensure!(
        asterisk.is_idle(),
        "calls are still in progress in Asterisk"
    );

    say("faults before and during calls");
    let mut scene = Scene {
        system: &mut system,
        asterisk: &asterisk,
        image: &environment.image,
        recordings: &recordings,
        home: &calls,
    };
    scene.play(&mut say).await?;
    ensure!(
        asterisk.is_idle(),
        "calls are still in progress in Asterisk"
    );
    secret(&asterisk, &system)
}

/// Makes a few calls through a running Asterisk and a running system. Reports progress through `say`.
pub async fn through(
    system: &RunningSystem,
    asterisk: SocketAddr,
    home: &Path,
    mut say: impl FnMut(&str),
) -> Result<()> {
    let IpAddr::V4(here) = asterisk.ip() else {
        bail!("Asterisk has no IPv4 address");
    };
    std::fs::create_dir_all(home).context("cannot create the directory")?;
    let home = home
        .canonicalize()
        .context("cannot resolve the directory")?;
    let recordings = Arc::new(Recordings::load(&ivr_system::manifest()?, Language::Ja)?);
    let clients = SystemClients {
        operator: Operator::new(system.private_as("operator")?),
        ivr: Ivr::new(system.private_as("ivr")?),
        site: Site::new(system.public()?),
    };
    let trunk = Trunk { here, asterisk };
    hold(cases::few(), trunk, &recordings, &clients, &home, &mut say).await
}

/// Adds a line for each call, then makes all calls at the same time.
async fn hold(
    cases: Vec<Case>,
    trunk: Trunk,
    recordings: &Arc<Recordings>,
    clients: &SystemClients,
    home: &Path,
    say: &mut impl FnMut(&str),
) -> Result<()> {
    let mut lines = Vec::new();
    for case in &cases {
        let added = clients.add(&case.line, case.past).await;
        lines.push(added.with_context(|| case.call.name.clone())?);
    }
    let mut calls = JoinSet::new();
    for (case, before) in cases.into_iter().zip(lines) {
        let (recordings, home) = (Arc::clone(recordings), home.to_owned());
        calls.spawn(async move {
            let heard = case.call.make(trunk, &recordings, &home).await;
            (case, before, heard)
        });
        // No real network starts all calls in the same millisecond.
        tokio::time::sleep(APART).await;
    }
    let mut failed = Vec::new();
    while let Some(done) = calls.join_next().await {
        let (case, before, heard) = done.context("the task of a call panicked")?;
        let checked = match heard {
            Ok(heard) => check(&case, &before, &heard, recordings, clients).await,
            Err(error) => Err(error),
        };
        match checked {
            Ok(()) => say(&case.call.name),
            Err(error) => failed.push(format!("{}: {error:#}", case.call.name)),
        }
    }
    if !failed.is_empty() {
        bail!("{} calls failed:\n{}", failed.len(), failed.join("\n"));
    }
    Ok(())
}

/// Checks what the caller heard. Then checks that the keyed password logs in, or that nothing has changed.
async fn check(
    case: &Case,
    before: &State,
    heard: &Heard,
    recordings: &Recordings,
    clients: &SystemClients,
) -> Result<()> {
    let all = recordings.heard(&heard.line);
    let expected: Vec<String> = case
        .heard
        .iter()
        .map(|id| recordings.sounds_like(id))
        .collect();
    // A caller who presses a key early may not hear all digits, so they are not compared here.
    let guidance: Vec<String> = all
        .iter()
        .filter(|id| !id.starts_with("digit-"))
        .cloned()
        .collect();
    ensure!(
        guidance == expected,
        "heard {guidance:?} instead of {expected:?}"
    );
    if let Some(whole) = &case.to_the_end {
        let whole: Vec<String> = whole.iter().map(|id| recordings.sounds_like(id)).collect();
        ensure!(all == whole, "heard {all:?} instead of {whole:?}");
    }
    match &case.account {
        Some(account) => clients.logs_in(account).await,
        None => clients.unchanged(&case.line, before).await,
    }
}

/// INV-8: neither Asterisk nor the IVR adapter has logged keyed digits or a full number.
fn secret(asterisk: &AsteriskContainer, system: &IvrSystem) -> Result<()> {
    let adapter = system.services.logs().join("ivr.log");
    let adapter = std::fs::read_to_string(adapter).context("cannot read the IVR adapter's log")?;
    let number = cases::Line::numbered(0).contract;
    for (who, logged) in [
        ("Asterisk", asterisk.logged()),
        ("the IVR adapter", adapter),
    ] {
        for secret in [cases::PASSWORD, &number] {
            ensure!(!logged.contains(secret), "{who} has logged a secret");
        }
    }
    Ok(())
}
