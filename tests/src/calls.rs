//! Real calls: a SIP client with real keys, a real Asterisk in a container, the telephone and the whole system. What
//! callers hear is found again in the sound that Asterisk sends them.

mod audio;
mod behind;
mod caller;
mod cases;
mod exchange;
mod faults;
mod office;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aikagi_api::units::v1::Line as State;
use aikagi_domain::guidance::Language;
use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;

use audio::Recordings;
use behind::Behind;
use caller::{Heard, Trunk};
use cases::Case;
use exchange::Exchange;
use faults::Scene;
use office::Office;

use crate::edge::{Ivr, Operator, Site};
use crate::story::Where;

/// The longest call; longer than any of the cases.
const LONGEST: Duration = Duration::from_mins(10);
/// Between the beginnings of two calls.
const APART: Duration = Duration::from_millis(100);

/// Where the calls find what they need.
#[derive(Debug)]
pub struct Surroundings {
    /// The image of Asterisk.
    pub image: String,
    /// The executables of this build.
    pub binaries: PathBuf,
    /// An empty directory for everything that is kept.
    pub home: PathBuf,
}

/// Makes every call, then those with faults; `say` hears how it goes.
pub async fn make(around: &Surroundings, mut say: impl FnMut(&str)) -> Result<()> {
    let calls = around.home.join("calls");
    std::fs::create_dir_all(&calls).context("cannot make a directory")?;
    let home = around.home.canonicalize().context("the directory")?;
    let recordings = Arc::new(Recordings::load(&office::manifest()?, Language::Ja)?);
    let mut office = Office::open(&home, &around.binaries).await?;
    let exchange = Exchange::start(&around.image, &home, office.agi, LONGEST)?;

    let cases = cases::all();
    say(&format!("{} calls, all in progress at once", cases.len()));
    let behind = office.behind()?;
    hold(
        cases,
        exchange.trunk,
        &recordings,
        &behind,
        &calls,
        &mut say,
    )
    .await?;
    ensure!(exchange.is_idle(), "calls are left in Asterisk");

    say("faults in mid-call and before");
    let mut scene = Scene {
        office: &mut office,
        exchange: &exchange,
        image: &around.image,
        recordings: &recordings,
        home: &calls,
    };
    scene.play(&mut say).await?;
    ensure!(exchange.is_idle(), "calls are left in Asterisk");
    secret(&exchange, &office)
}

/// Makes a few calls through an Asterisk and a system that run already; `say` hears how it goes.
pub async fn through(
    system: &Where,
    asterisk: SocketAddr,
    home: &Path,
    mut say: impl FnMut(&str),
) -> Result<()> {
    let IpAddr::V4(here) = asterisk.ip() else {
        bail!("Asterisk has no IPv4 address");
    };
    std::fs::create_dir_all(home).context("cannot make a directory")?;
    let home = home.canonicalize().context("the directory")?;
    let recordings = Arc::new(Recordings::load(&office::manifest()?, Language::Ja)?);
    let behind = Behind {
        operator: Operator::new(system.private_as("operator")?),
        ivr: Ivr::new(system.private_as("ivr")?),
        site: Site::new(system.public()?),
    };
    let trunk = Trunk { here, asterisk };
    hold(cases::few(), trunk, &recordings, &behind, &home, &mut say).await
}

/// Makes the calls, all in progress at once, each on a line that is added before.
async fn hold(
    cases: Vec<Case>,
    trunk: Trunk,
    recordings: &Arc<Recordings>,
    behind: &Behind,
    home: &Path,
    say: &mut impl FnMut(&str),
) -> Result<()> {
    let mut lines = Vec::new();
    for case in &cases {
        let added = behind.add(&case.line, case.past).await;
        lines.push(added.with_context(|| case.call.name.clone())?);
    }
    let mut calls = JoinSet::new();
    for (case, before) in cases.into_iter().zip(lines) {
        let (recordings, home) = (Arc::clone(recordings), home.to_owned());
        calls.spawn(async move {
            let heard = case.call.make(trunk, &recordings, &home).await;
            (case, before, heard)
        });
        // Not all of them in one millisecond, which no network brings.
        tokio::time::sleep(APART).await;
    }
    let mut failed = Vec::new();
    while let Some(done) = calls.join_next().await {
        let (case, before, heard) = done.context("a call was lost")?;
        let checked = match heard {
            Ok(heard) => check(&case, &before, &heard, recordings, behind).await,
            Err(error) => Err(error),
        };
        match checked {
            Ok(()) => say(&case.call.name),
            Err(error) => failed.push(format!("{}: {error:#}", case.call.name)),
        }
    }
    if !failed.is_empty() {
        bail!("{} calls went wrong:\n{}", failed.len(), failed.join("\n"));
    }
    Ok(())
}

/// What was heard is right, and what was keyed logs in or nothing has changed.
async fn check(
    case: &Case,
    before: &State,
    heard: &Heard,
    recordings: &Recordings,
    behind: &Behind,
) -> Result<()> {
    let all = recordings.heard(&heard.line);
    let expected: Vec<String> = case
        .heard
        .iter()
        .map(|id| recordings.sounds_like(id))
        .collect();
    // Digits are not all said to a caller who presses a key, nor is what comes after them.
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
        Some(account) => behind.logs_in(account).await,
        None => behind.unchanged(&case.line, before).await,
    }
}

/// INV-8: neither Asterisk nor the telephone has logged what was keyed, or a number in full.
fn secret(exchange: &Exchange, office: &Office) -> Result<()> {
    let telephone = office.system.logs().join("telephone.log");
    let telephone = std::fs::read_to_string(telephone).context("the telephone's log")?;
    let number = cases::Line::numbered(0).contract;
    for (who, said) in [("Asterisk", exchange.said()), ("the telephone", telephone)] {
        for secret in [cases::PASSWORD, &number] {
            ensure!(!said.contains(secret), "{who} has logged a secret");
        }
    }
    Ok(())
}
