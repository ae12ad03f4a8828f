//! Real calls: a SIP client with real keys, a real Asterisk in a container, the telephone and the whole system. What
//! callers hear is found again in the sound that Asterisk sends them.

mod audio;
mod caller;
mod cases;
mod exchange;
mod faults;
mod office;

use std::path::{Path, PathBuf};
use std::time::Duration;

use aikagi_domain::guidance::Language;
use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;

use audio::Recordings;
use caller::Heard;
use cases::Case;
use exchange::Exchange;
use faults::Scene;
use office::Office;

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
    let recordings = Recordings::load(&office::manifest()?, Language::Ja)?;
    let mut office = Office::open(&home, &around.binaries).await?;
    let exchange = Exchange::start(&around.image, &home, office.agi, LONGEST)?;

    let cases = cases::all();
    say(&format!("{} calls, all in progress at once", cases.len()));
    for case in &cases {
        office.add(&case.line).await?;
    }
    let mut failed = Vec::new();
    for (case, heard) in at_once(cases, exchange.port, &calls).await? {
        let name = case.call.name.clone();
        let checked = match heard {
            Ok(heard) => check(&case, &heard, &recordings, &office).await,
            Err(error) => Err(error),
        };
        match checked {
            Ok(()) => say(&name),
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    if !failed.is_empty() {
        bail!("{} calls went wrong:\n{}", failed.len(), failed.join("\n"));
    }
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

async fn at_once(cases: Vec<Case>, port: u16, home: &Path) -> Result<Vec<(Case, Result<Heard>)>> {
    let mut calls = JoinSet::new();
    for case in cases {
        let home = home.to_owned();
        calls.spawn(async move {
            let heard = case.call.make(port, &home).await;
            (case, heard)
        });
        tokio::time::sleep(APART).await;
    }
    let mut all = Vec::new();
    while let Some(done) = calls.join_next().await {
        all.push(done.context("a call was lost")?);
    }
    Ok(all)
}

/// What was heard is right, and what was keyed logs in or nothing was set.
async fn check(case: &Case, heard: &Heard, recordings: &Recordings, office: &Office) -> Result<()> {
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
        Some(account) => office.logs_in(account).await,
        None => office.unchanged(&case.line).await,
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
