//! Many lives go on while everything under them fails: services and stores are killed, stopped, cut off and filled up,
//! caches are lost and brought back stale, clocks step. After each round the answers and the state of every line are
//! those of some order that the rules explain ([`crate::history`]), nobody ever sees a half-changed line, and at the end
//! the audit trail is whole and agrees.
//!
//! `AIKAGI_FAULTS_SEED` makes the same choices as an earlier run, `AIKAGI_FAULTS_MINUTES` goes on with further systems
//! for so long (`cargo xtask faults`).

mod clock;
mod disk;
mod fault;
mod links;
mod stage;
mod trail;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep_until};

use crate::concurrency::coverage::Coverage;
use crate::concurrency::number_from;
use crate::concurrency::play::Play;
use crate::concurrency::round::{Crowd, OBSERVER};
use crate::history::{Event, Operation, Told, Verdict};
use fault::{Fault, Planned, plan};
use stage::Stage;

/// Lines that are lived on at once.
const LINES: usize = 5;
/// Rounds with one system when no time is said, and otherwise.
const FEW_ROUNDS: usize = 6;
const ROUNDS: usize = 24;
/// Rounds of one line.
const LIFE: usize = 6;

/// IVR-9 to IVR-12, LOGIN-1 to LOGIN-7, SESS-1, SESS-2, PW-4, PW-5, MIG-1 to MIG-7, OPS-1 to OPS-3, INV-1 to INV-6: what
/// was acknowledged is not lost, no limit is exceeded or set back, nothing dead works again and no line is half changed,
/// whatever fails.
#[expect(clippy::print_stderr, reason = "whoever runs it reads the report")]
#[tokio::test(flavor = "multi_thread")]
async fn lives_go_on_through_faults() {
    let seed = number_from("AIKAGI_FAULTS_SEED").unwrap_or_else(|| rand::random::<u32>().into());
    let minutes = number_from("AIKAGI_FAULTS_MINUTES");
    let rounds = if minutes.is_some() {
        ROUNDS
    } else {
        FEW_ROUNDS
    };
    let until = Instant::now() + Duration::from_secs(60 * minutes.unwrap_or_default());
    let mut report = Report::default();
    for system in 0.. {
        report.name = format!("AIKAGI_FAULTS_SEED={seed}, system {system}");
        live_on(
            rounds,
            StdRng::seed_from_u64(seed.wrapping_add(system)),
            &mut report,
        )
        .await;
        if Instant::now() >= until {
            break;
        }
    }
    eprintln!("AIKAGI_FAULTS_SEED={seed}\n{}", report.told());
    report.coverage.check(false);
}

/// What was lived through.
#[derive(Default)]
struct Report {
    /// The present run's.
    name: String,
    coverage: Coverage,
    faults: BTreeMap<&'static str, usize>,
}

impl Report {
    fn told(&self) -> String {
        let mut told = String::from("struck:\n");
        for (fault, times) in &self.faults {
            let _ = writeln!(told, "{times:>6}  {fault}");
        }
        told
    }
}

/// A line, and the rounds that are left to it.
struct Life {
    play: Play,
    left: usize,
}

/// One system from its start to its end.
#[expect(clippy::print_stderr, reason = "what could not be judged is told")]
async fn live_on(rounds: usize, mut rng: StdRng, report: &mut Report) {
    let mut stage = Stage::set().await;
    let mut coverage = Coverage::default();
    let mut lives: Vec<Life> = Vec::new();
    let mut born = 0;
    for round in 1..=rounds {
        lives.retain(|life| life.left > 0);
        while lives.len() < LINES {
            let play = Play::begin(&stage.live, born, rng.random()).await;
            lives.push(Life { play, left: LIFE });
            born += 1;
        }
        pass_time(&mut stage, &lives, &mut rng).await;
        for life in &lives {
            life.play.prepare(&mut rng).await;
        }
        let planned = plan(&stage.targets(), &mut rng);
        let mut crowds: Vec<Crowd> = Vec::new();
        for life in &lives {
            crowds.push(life.play.let_in(rng.random_range(2..=3), &mut rng));
        }
        let struck = live_through(&mut stage, &lives, &mut crowds, &planned).await;
        for fault in &struck {
            *report.faults.entry(fault.name()).or_default() += 1;
            coverage.kill();
        }
        let mut seen = Vec::new();
        for crowd in crowds {
            seen.push(crowd.leave().await);
        }
        stage.quiet(TimeDelta::zero()).await;
        let struck: Vec<String> = struck.iter().map(|fault| stage.tell(*fault)).collect();
        let this = format!("{}, round {round} ({})", report.name, struck.join(", "));
        for (life, seen) in lives.iter_mut().zip(&seen) {
            life.left -= 1;
            match life.play.judge(seen, &mut coverage).await {
                Verdict::Explained => {}
                Verdict::Unexplained(told) => panic!("{this}: no order explains\n{told}"),
                Verdict::TooTangled(told) => {
                    eprintln!("{this}: too tangled to be judged\n{told}");
                    life.left = 0;
                }
            }
        }
    }
    trail::check(&stage, &coverage).await;
    report.coverage.add(coverage);
}

/// SESS-1, IVR-9: between two rounds so much time may pass that sessions and temporary passwords end.
async fn pass_time(stage: &mut Stage, lives: &[Life], rng: &mut StdRng) {
    let time = match rng.random_range(0..10) {
        0 => TimeDelta::minutes(16),
        1 => TimeDelta::hours(25),
        _ => return,
    };
    stage.quiet(time).await;
    note(lives, Event::TimePassed(time), || {});
}

/// The faults strike and are mended in their time, until all are done. Those that have struck.
async fn live_through(
    stage: &mut Stage,
    lives: &[Life],
    crowds: &mut [Crowd],
    planned: &[Planned],
) -> Vec<Fault> {
    let begun = Instant::now();
    let mut moments: Vec<(Duration, bool, Fault)> = Vec::new();
    for Planned {
        fault,
        strikes,
        mended,
    } in planned
    {
        moments.push((*strikes, true, *fault));
        moments.push((*mended, false, *fault));
    }
    moments.sort_by_key(|(time, ..)| *time);
    let mut struck = Vec::new();
    let mut unmended = Vec::new();
    let mut done = std::pin::pin!(async {
        for crowd in crowds {
            crowd.is_done().await;
        }
    });
    for (time, strikes, fault) in moments {
        tokio::select! {
            () = &mut done => break,
            () = sleep_until(begun + time) => {}
        }
        if strikes {
            strike(stage, lives, fault);
            struck.push(fault);
            unmended.push(fault);
        } else {
            mend(stage, lives, fault);
            unmended.retain(|other| *other != fault);
        }
    }
    for fault in unmended {
        mend(stage, lives, fault);
    }
    struck
}

fn strike(stage: &mut Stage, lives: &[Life], fault: Fault) {
    trouble(lives);
    let strike = || stage.strike(fault);
    match fault {
        Fault::KillRedis | Fault::FlushRedis => note(lives, Event::CacheLost, strike),
        Fault::FailOverRedis => note(lives, Event::CacheCopied, strike),
        _ => tokio::task::block_in_place(strike),
    }
}

fn mend(stage: &mut Stage, lives: &[Life], fault: Fault) {
    let mend = || stage.mend(fault);
    match fault {
        Fault::FailOverRedis => {
            trouble(lives);
            note(lives, Event::CopyTaken, mend);
        }
        _ => tokio::task::block_in_place(mend),
    }
}

/// Something is lost that calls may stand on.
fn trouble(lives: &[Life]) {
    for life in lives {
        life.play.scene.recorder.trouble();
    }
}

/// What is done to all lines at once is in the history of each.
fn note(lives: &[Life], event: Event, act: impl FnOnce()) {
    let recorders = lives.iter().map(|life| &life.play.scene.recorder);
    let begun: Vec<_> = recorders
        .map(|recorder| {
            (
                recorder,
                recorder.begin(OBSERVER, Operation::Happens(event)),
            )
        })
        .collect();
    tokio::task::block_in_place(act);
    for (recorder, call) in begun {
        recorder.end(call, Some(Ok(Told::Nothing)));
    }
}
