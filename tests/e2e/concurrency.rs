//! Many do everything at once on one line, while replicas are killed (-9) and come back: after each round the answers
//! and the state are those of some order that the rules explain, and nobody ever sees a half-changed line.
//!
//! `AIKAGI_CONCURRENCY_RUNS` says how many lines are played, `AIKAGI_CONCURRENCY_SEED` plays the clients' choices of an
//! earlier run again, as far as they meet the same answers. What judges the histories has tests of its own
//! ([`crate::history`]).

mod clients;
pub(crate) mod coverage;
pub(crate) mod play;
mod reader;
pub(crate) mod round;

use std::time::Duration;

use aikagi_devkit::installation::workloads::Service;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::PgPool;

use super::live::{Live, light};
use crate::history::Verdict;
use coverage::Coverage;
use play::Play;

/// Lines that are played when nothing is said.
const RUNS: u64 = 4;
/// So many lines come across everything.
const MANY: u64 = 20;
/// Rounds of each.
const ROUNDS: usize = 6;
/// Whose replicas are killed: everybody's who decides anything.
const KILLED: [Service; 4] = [
    Service::Authentication,
    Service::Units,
    Service::Password,
    Service::Issuance,
];
const REPLICAS: u16 = 2;
const READY: Duration = Duration::from_mins(1);

/// The running system.
struct Stage {
    live: Live,
    ledger: PgPool,
    coverage: Coverage,
}

impl Stage {
    async fn set() -> Self {
        let replicas = KILLED.map(|service| (service, REPLICAS));
        let live = Live::start(&replicas, light, Vec::new()).await;
        Self {
            ledger: live.ledger().await,
            live,
            coverage: Coverage::default(),
        }
    }

    fn kill(&mut self, service: Service, replica: usize) {
        let replica = &mut self.live.system.replicas(service)[replica];
        replica.kill9();
        replica.restart().unwrap();
    }

    /// Waits until every replica is back, and nothing is under way in the ledger that one of them has left there.
    async fn quiet(&mut self) {
        tokio::task::block_in_place(|| {
            for service in KILLED {
                for replica in self.live.system.replicas(service) {
                    replica.wait_ready(READY).unwrap();
                }
            }
        });
        let statement = "SELECT count(*) FROM pg_stat_activity
                         WHERE datname = current_database() AND backend_type = 'client backend' AND state <> 'idle'
                           AND pid <> pg_backend_pid()";
        let under_way = || sqlx::query_scalar::<_, i64>(statement).fetch_one(&self.ledger);
        while under_way().await.unwrap() > 0 {}
    }
}

/// UNIT-1, UNIT-2, IVR-9 to IVR-13, LOGIN-1 to LOGIN-7, SESS-2, SESS-5, SESS-6, PW-2, PW-4, PW-5, MIG-1 to MIG-7, OPS-1,
/// OPS-2, INV-1, INV-2, INV-4 to INV-6: migrations, changes of passwords, calls, changes of the directory, logins and
/// logouts at once on one line, with replicas of all services killed in the middle of them and clients that try again.
///
/// A round whose orders are too many to be tried is told, and a new line begins; of those there are few.
#[expect(clippy::print_stderr, reason = "what could not be judged is told")]
#[tokio::test(flavor = "multi_thread")]
async fn some_order_explains_what_is_done_at_once() {
    let runs = number_from("AIKAGI_CONCURRENCY_RUNS").unwrap_or(RUNS);
    let seed = number_from("AIKAGI_CONCURRENCY_SEED").unwrap_or_else(rand::random);
    let mut stage = Stage::set().await;
    for run in 0..runs {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(run));
        let mut play = Play::begin(&stage.live, line(run, 0), rng.random()).await;
        for round in 1..=ROUNDS {
            let this = format!("AIKAGI_CONCURRENCY_SEED={seed}, run {run}, round {round}");
            match play.round(&mut stage, &mut rng).await {
                Verdict::Explained => {}
                Verdict::Unexplained(told) => panic!("{this}: no order explains\n{told}"),
                Verdict::TooTangled(told) => {
                    eprintln!("{this}: too tangled to be judged\n{told}");
                    play = Play::begin(&stage.live, line(run, round), rng.random()).await;
                }
            }
        }
    }
    stage.coverage.check(runs >= MANY);
}

/// A line that no other round has: it begins in this one.
fn line(run: u64, round: usize) -> u64 {
    run * (ROUNDS as u64 + 1) + round as u64
}

pub(crate) fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is no number")))
}
