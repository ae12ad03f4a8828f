//! Clients use many lines while faults strike. Services and stores are killed, frozen and
//! disconnected, and the disk of PostgreSQL is filled. Redis loses its data, or a replica with old
//! data replaces it. Clocks are moved forward and back.
//!
//! After each round, logins must succeed without a restart of any service. Some order must explain all
//! responses and the state of every line ([`aikagi_model::history`]). No client may see a half-changed line. At the end the audit trail
//! must be complete and agree with the responses.
//!
//! `AIKAGI_FAULTS_SEED` repeats the choices of an earlier run. `AIKAGI_FAULTS_MINUTES` is the time
//! in which further systems are started, one after another (`cargo xtask faults`).

mod clock;
pub(crate) mod disk;
mod fault;
mod fault_system;
mod links;
mod probe;
mod trail;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use aikagi_devkit::installation::workloads::Service;
use aikagi_model::history::{Event, Observed, Operation, Verdict};
use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep_until};

use crate::concurrency::coverage::Coverage;
use crate::concurrency::number_from;
use crate::concurrency::play::Play;
use crate::concurrency::round::{Crowd, OBSERVER};
use fault::{Fault, Planned, plan};
use fault_system::FaultSystem;

/// The number of lines in use at the same time.
const LINES: usize = 5;
/// The number of rounds with one system: without `AIKAGI_FAULTS_MINUTES`, and with it.
const FEW_ROUNDS: usize = 6;
const ROUNDS: usize = 24;
/// The number of rounds of one line.
const LIFE: usize = 6;

/// IVR-9 to IVR-12, LOGIN-1 to LOGIN-7, SESS-1, SESS-2, PW-4, PW-5, MIG-1 to MIG-7, OPS-1 to OPS-3,
/// INV-1 to INV-6: under all faults, no acknowledged change is lost, and no limit is exceeded or
/// reset. Nothing that has ended works again, and no line is half changed.
#[expect(clippy::print_stderr, reason = "the test prints a report")]
#[tokio::test(flavor = "multi_thread")]
async fn lines_survive_faults() {
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
        run_system(
            rounds,
            StdRng::seed_from_u64(seed.wrapping_add(system)),
            &mut report,
        )
        .await;
        if Instant::now() >= until {
            break;
        }
    }
    eprintln!("AIKAGI_FAULTS_SEED={seed}\n{}", report.text());
    report.coverage.check(false);
}

/// A report of all runs.
#[derive(Default)]
struct Report {
    /// The name of the present run.
    name: String,
    coverage: Coverage,
    faults: BTreeMap<&'static str, usize>,
}

impl Report {
    fn text(&self) -> String {
        let mut text = String::from("struck:\n");
        for (fault, times) in &self.faults {
            let _ = writeln!(text, "{times:>6}  {fault}");
        }
        text
    }
}

/// A line in use, and its remaining rounds.
struct Life {
    play: Play,
    left: usize,
}

/// Runs one system from its start to its end.
#[expect(
    clippy::print_stderr,
    reason = "the test prints rounds that could not be judged"
)]
async fn run_system(rounds: usize, mut rng: StdRng, report: &mut Report) {
    let mut system = FaultSystem::start().await;
    let mut coverage = Coverage::default();
    let mut lives: Vec<Life> = Vec::new();
    let mut born = 0;
    for round in 1..=rounds {
        lives.retain(|life| life.left > 0);
        while lives.len() < LINES {
            let play = Play::begin(&system.system, born, rng.random()).await;
            lives.push(Life { play, left: LIFE });
            born += 1;
        }
        pass_time(&mut system, &lives, &mut rng).await;
        for life in &lives {
            life.play.prepare(&mut rng).await;
        }
        let planned = plan(&system.targets(), &mut rng);
        let mut crowds: Vec<Crowd> = Vec::new();
        for life in &lives {
            crowds.push(life.play.start_clients(rng.random_range(2..=3), &mut rng));
        }
        let struck = run_faults(&mut system, &lives, &mut crowds, &planned).await;
        for fault in &struck {
            *report.faults.entry(fault.name()).or_default() += 1;
            coverage.kill();
        }
        let mut seen = Vec::new();
        for crowd in crowds {
            seen.push(crowd.finish().await);
        }
        let struck: Vec<String> = struck.iter().map(|fault| system.tell(*fault)).collect();
        let this = format!("{}, round {round} ({})", report.name, struck.join(", "));
        if let Err(text) = system.check_logins().await {
            panic!("{this}: {text}");
        }
        system.quiet(TimeDelta::zero()).await;
        for (life, seen) in lives.iter_mut().zip(&seen) {
            life.left -= 1;
            match life.play.judge(seen, &mut coverage).await {
                Verdict::Explained => {}
                Verdict::Unexplained(text) => panic!("{this}: no order explains\n{text}"),
                Verdict::TooTangled(text) => {
                    eprintln!("{this}: too tangled to be judged\n{text}");
                    life.left = 0;
                }
            }
        }
    }
    trail::check(&system, &coverage).await;
    report.coverage.add(coverage);
}

/// SESS-1, IVR-9: between some rounds, moves the clock so far that sessions or temporary passwords
/// expire.
async fn pass_time(system: &mut FaultSystem, lives: &[Life], rng: &mut StdRng) {
    let time = match rng.random_range(0..10) {
        0 => TimeDelta::minutes(16),
        1 => TimeDelta::hours(25),
        _ => return,
    };
    system.quiet(time).await;
    note(lives, Event::TimePassed(time), || {});
}

/// Causes and repairs the planned faults at their times, until all clients have finished. Returns
/// the faults that struck.
async fn run_faults(
    system: &mut FaultSystem,
    lives: &[Life],
    crowds: &mut [Crowd],
    planned: &[Planned],
) -> Vec<Fault> {
    let begun = Instant::now();
    let mut moments: Vec<(Duration, bool, Fault)> = Vec::new();
    for Planned {
        fault,
        strikes,
        repaired,
    } in planned
    {
        moments.push((*strikes, true, *fault));
        moments.push((*repaired, false, *fault));
    }
    moments.sort_by_key(|(time, ..)| *time);
    let mut struck = Vec::new();
    let mut unrepaired = Vec::new();
    let mut done = std::pin::pin!(async {
        for crowd in crowds {
            crowd.wait().await;
        }
    });
    for (time, strikes, fault) in moments {
        tokio::select! {
            () = &mut done => break,
            () = sleep_until(begun + time) => {}
        }
        if strikes {
            strike(system, lives, fault);
            struck.push(fault);
            unrepaired.push(fault);
        } else {
            repair(system, lives, fault);
            unrepaired.retain(|other| *other != fault);
        }
    }
    for fault in unrepaired {
        repair(system, lives, fault);
    }
    struck
}

fn strike(system: &mut FaultSystem, lives: &[Life], fault: Fault) {
    note_fault(lives);
    if matches!(fault, Fault::Kill(Service::Authentication, _)) {
        for life in lives {
            life.play.scene.recorder.crash();
        }
    }
    let strike = || system.strike(fault);
    match fault {
        Fault::KillRedis | Fault::FlushRedis => note(lives, Event::CacheLost, strike),
        Fault::FailOverRedis => note(lives, Event::CacheCopied, strike),
        _ => tokio::task::block_in_place(strike),
    }
}

fn repair(system: &mut FaultSystem, lives: &[Life], fault: Fault) {
    let repair = || system.repair(fault);
    match fault {
        Fault::FailOverRedis => {
            note_fault(lives);
            note(lives, Event::CopyTaken, repair);
        }
        _ => tokio::task::block_in_place(repair),
    }
}

/// Records in all histories that a part of the system failed. Operations may depend on that part.
fn note_fault(lives: &[Life]) {
    for life in lives {
        life.play.scene.recorder.fault();
    }
}

/// Records an event in the histories of all lines, and runs `act`, which causes it.
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
        recorder.end(call, Some(Ok(Observed::Nothing)));
    }
}
