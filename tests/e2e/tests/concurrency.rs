//! Many clients use one line at the same time while replicas are killed (-9) and restarted. After
//! each round, the checker must find an order of the operations that explains all responses and the
//! state. No client may see a half-changed line.
//!
//! `AIKAGI_CONCURRENCY_RUNS` is the number of lines. `AIKAGI_CONCURRENCY_SEED` repeats the clients' choices of an earlier run,
//! as far as they get the same responses. The checker of histories has its own tests ([`aikagi_model::history`]).

mod clients;
pub(crate) mod coverage;
pub(crate) mod play;
mod reader;
pub(crate) mod round;

use std::time::Duration;

use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::processes::{ProcessSystem, light};
use aikagi_model::history::Verdict;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::PgPool;

use coverage::Coverage;
use play::Play;

/// The number of lines by default.
const RUNS: u64 = 4;
/// A run with at least this number of lines must have every expected response.
const MANY: u64 = 20;
/// The number of rounds of each line.
const ROUNDS: usize = 6;
/// The services whose replicas are killed: all that make decisions.
const KILLED: [Service; 4] = [
    Service::Authentication,
    Service::Units,
    Service::Password,
    Service::Issuance,
];
const REPLICAS: u16 = 2;
const READY: Duration = Duration::from_mins(1);

/// A run on one system.
struct ConcurrencyRun {
    system: ProcessSystem,
    ledger: PgPool,
    coverage: Coverage,
}

impl ConcurrencyRun {
    async fn start() -> Self {
        let replicas = KILLED.map(|service| (service, REPLICAS));
        let system = ProcessSystem::start(&replicas, light, Vec::new()).await;
        Self {
            ledger: system.ledger().await,
            system,
            coverage: Coverage::default(),
        }
    }

    fn kill(&mut self, service: Service, replica: usize) {
        let replica = &mut self.system.processes.replicas(service)[replica];
        replica.kill9();
        replica.restart().unwrap();
    }

    /// Waits until every replica is ready, and no statement of a killed replica is running in the ledger.
    async fn quiet(&mut self) {
        tokio::task::block_in_place(|| {
            for service in KILLED {
                for replica in self.system.processes.replicas(service) {
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
/// OPS-2, INV-1, INV-2, INV-4 to INV-6: concurrent unit migrations, password changes, calls, directory changes, logins and
/// logouts on one line, while replicas of all services but the edge and the gateway are killed and clients
/// retry.
///
/// If a round has too many orders to try them all, the test prints the round and begins a new line.
/// Only a few rounds may have so many.
#[expect(
    clippy::print_stderr,
    reason = "the test prints rounds that could not be judged"
)]
#[tokio::test(flavor = "multi_thread")]
async fn some_order_explains_concurrent_operations() {
    let runs = number_from("AIKAGI_CONCURRENCY_RUNS").unwrap_or(RUNS);
    let seed = number_from("AIKAGI_CONCURRENCY_SEED").unwrap_or_else(rand::random);
    let mut this_run = ConcurrencyRun::start().await;
    for run in 0..runs {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(run));
        let mut play = Play::begin(&this_run.system, line(run, 0), rng.random()).await;
        for round in 1..=ROUNDS {
            let this = format!("AIKAGI_CONCURRENCY_SEED={seed}, run {run}, round {round}");
            match play.round(&mut this_run, &mut rng).await {
                Verdict::Explained => {}
                Verdict::Unexplained(shown) => panic!("{this}: no order explains\n{shown}"),
                Verdict::TooTangled(shown) => {
                    eprintln!("{this}: too tangled to be judged\n{shown}");
                    play = Play::begin(&this_run.system, line(run, round), rng.random()).await;
                }
            }
        }
    }
    this_run.coverage.check(runs >= MANY);
}

/// An index for the line that begins in this round. No other line has the same index.
fn line(run: u64, round: usize) -> u64 {
    run * (ROUNDS as u64 + 1) + round as u64
}

pub(crate) fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is not a number")))
}
