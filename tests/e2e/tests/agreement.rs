//! Plays random sequences of all operations on the system and on the model of the specification.
//! Both must agree on every response, and on the state at the end of each sequence.
//!
//! `AIKAGI_MODEL_OPERATIONS` is the smallest number of operations. `AIKAGI_MODEL_SEED` (64 hexadecimal digits) repeats the
//! sequences of an earlier run. A failing sequence is shrunk and printed step by step.

mod calls;
mod coverage;
mod directory;
mod operation;
mod play;
mod resolve;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use aikagi_client::{Backend, Ivr, Operator, Site};
use aikagi_e2e::in_process::{InProcessSystem, Options};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use coverage::Coverage;
use operation::Operation;
use play::Play;

/// The smallest number of operations by default.
const OPERATIONS: usize = 20_000;
/// The number of concurrent systems. Each plays different sequences.
const SYSTEMS: u8 = 4;

/// A system and its clients.
struct AgreementRun {
    number: u8,
    system: InProcessSystem,
    ivr: Ivr,
    site: Site,
    operator: Operator,
    backend: Backend,
    /// The number of sequences so far. Each uses different telephone numbers.
    begun: AtomicUsize,
}

impl AgreementRun {
    async fn start(number: u8) -> Self {
        let system = InProcessSystem::with(Options::default()).await;
        Self {
            number,
            ivr: system.ivr(),
            site: system.site(),
            operator: system.operator(),
            backend: system.backend(),
            begun: AtomicUsize::new(0),
            system,
        }
    }

    /// Plays a sequence on new lines, and compares the state at the end.
    async fn play(
        &self,
        operations: &[Operation],
        coverage: &Coverage,
    ) -> Result<(), TestCaseError> {
        if coverage.is_failing_elsewhere(self.number) {
            return Ok(());
        }
        let mut play = Play::begin(self, coverage, self.begun.fetch_add(1, Ordering::Relaxed));
        let played = async {
            play.open().await?;
            for operation in operations {
                play.take(operation).await?;
            }
            play.close().await
        };
        let disagreement = played.await.err();
        disagreement.map_or(Ok(()), |disagreement| {
            coverage.fail(self.number);
            Err(TestCaseError::fail(play.tell(&disagreement)))
        })
    }
}

/// UNIT-1, UNIT-2, IVR-1 to IVR-13, LOGIN-1 to LOGIN-7, SESS-1, SESS-2, SESS-4 to SESS-6, PW-1 to
/// PW-5, MIG-1 to MIG-7, OPS-1, OPS-2, INV-3: every response and the final state follow the rules.
/// This covers any operations in any order, while time passes and the TTL store is lost.
#[test]
fn the_system_agrees_with_the_model() {
    let wanted = number_from("AIKAGI_MODEL_OPERATIONS").unwrap_or(OPERATIONS);
    let seed = seed();
    let coverage = Coverage::default();
    let failures: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = (0..SYSTEMS)
            .map(|number| {
                let coverage = &coverage;
                scope.spawn(move || play_sequences(number, seed, wanted, coverage))
            })
            .collect();
        runs.into_iter()
            .filter_map(|run| run.join().unwrap().err())
            .collect()
    });
    if let Some(failure) = failures.first() {
        let seed = HEXLOWER.encode(&seed);
        panic!("AIKAGI_MODEL_SEED={seed}\n{failure}");
    }
    coverage.check(wanted >= OPERATIONS);
}

/// Plays sequences on one system until all systems together have played enough operations, or a sequence
/// fails.
fn play_sequences(
    number: u8,
    mut seed: [u8; 32],
    wanted: usize,
    coverage: &Coverage,
) -> Result<(), String> {
    let runtime = Runtime::new().unwrap();
    seed[0] ^= number;
    let run = runtime.block_on(AgreementRun::start(number));
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: 1_000,
        max_shrink_time: u32::try_from(Duration::from_mins(1).as_millis()).unwrap(),
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let sequences = operation::sequences();
    let play = |operations: Vec<Operation>| runtime.block_on(run.play(&operations, coverage));
    let mut played = Ok(());
    while played.is_ok() && !coverage.is_over(wanted) {
        let sequence = sequences.new_tree(&mut runner).unwrap();
        played = runner.run_one(sequence, play).map(|_| ());
    }
    // Drop the run inside the runtime, because the tasks of its system end there.
    runtime.block_on(async { drop(run) });
    played.map_err(|failure| match failure {
        TestError::Fail(why, _) | TestError::Abort(why) => why.message().to_owned(),
    })
}

fn number_from(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number")),
    )
}

fn seed() -> [u8; 32] {
    let Ok(text) = std::env::var("AIKAGI_MODEL_SEED") else {
        return rand::random();
    };
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let seed = bytes.and_then(|bytes| bytes.try_into().ok());
    seed.expect("AIKAGI_MODEL_SEED must have 64 hexadecimal digits")
}
