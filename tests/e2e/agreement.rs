//! The system and the model of the specification agree: on every answer to random sequences of all operations, and
//! on the state at the end of each.
//!
//! `AIKAGI_MODEL_OPERATIONS` says how many operations are played at least, `AIKAGI_MODEL_SEED` (64 hexadecimal
//! digits) plays the sequences of an earlier run again. A sequence that fails is shrunk and told step by step.

mod coverage;
mod directory;
mod operation;
mod play;
mod resolve;
mod telephone;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use aikagi_tests::edge::{Backend, Ivr, Operator, Site};
use aikagi_tests::world::{Options, World};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use coverage::Coverage;
use operation::Operation;
use play::Play;

/// Operations that are played at least.
const OPERATIONS: usize = 20_000;
/// Whole systems at once, each with its own sequences.
const STAGES: u8 = 4;

/// A system and all who use it from outside.
struct Stage {
    number: u8,
    world: World,
    ivr: Ivr,
    site: Site,
    operator: Operator,
    backend: Backend,
    /// Sequences begun: each has numbers of its own.
    begun: AtomicUsize,
}

impl Stage {
    async fn set(number: u8) -> Self {
        let world = World::with(Options::default()).await;
        Self {
            number,
            ivr: world.ivr(),
            site: world.site(),
            operator: world.operator(),
            backend: world.backend(),
            begun: AtomicUsize::new(0),
            world,
        }
    }

    /// Plays a sequence on a line of its own, and compares the end.
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

/// UNIT-1, UNIT-2, IVR-1 to IVR-13, LOGIN-1 to LOGIN-7, SESS-1, SESS-2, SESS-4 to SESS-6, PW-1 to PW-5, MIG-1 to
/// MIG-7, OPS-1, OPS-2, INV-3: whatever is done in whatever order, while time passes and the cache is lost, every
/// answer and the state at the end are those of the rules.
#[test]
fn the_system_agrees_with_the_model() {
    let wanted = number_from("AIKAGI_MODEL_OPERATIONS").unwrap_or(OPERATIONS);
    let seed = seed();
    let coverage = Coverage::default();
    let failures: Vec<String> = thread::scope(|scope| {
        let stages: Vec<_> = (0..STAGES)
            .map(|stage| {
                let coverage = &coverage;
                scope.spawn(move || run(stage, seed, wanted, coverage))
            })
            .collect();
        stages
            .into_iter()
            .filter_map(|stage| stage.join().unwrap().err())
            .collect()
    });
    if let Some(failure) = failures.first() {
        let seed = HEXLOWER.encode(&seed);
        panic!("AIKAGI_MODEL_SEED={seed}\n{failure}");
    }
    coverage.check(wanted >= OPERATIONS);
}

/// Plays sequences on one system until enough has been played on all, or one fails.
fn run(stage: u8, mut seed: [u8; 32], wanted: usize, coverage: &Coverage) -> Result<(), String> {
    let runtime = Runtime::new().unwrap();
    seed[0] ^= stage;
    let stage = runtime.block_on(Stage::set(stage));
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: 1_000,
        max_shrink_time: u32::try_from(Duration::from_mins(1).as_millis()).unwrap(),
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let sequences = operation::sequences();
    let play = |operations: Vec<Operation>| runtime.block_on(stage.play(&operations, coverage));
    let mut played = Ok(());
    while played.is_ok() && !coverage.is_over(wanted) {
        let sequence = sequences.new_tree(&mut runner).unwrap();
        played = runner.run_one(sequence, play).map(|_| ());
    }
    // What it has spawned ends on its runtime.
    runtime.block_on(async { drop(stage) });
    played.map_err(|failure| match failure {
        TestError::Fail(why, _) | TestError::Abort(why) => why.message().to_owned(),
    })
}

fn number_from(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number")),
    )
}

fn seed() -> [u8; 32] {
    let Ok(text) = std::env::var("AIKAGI_MODEL_SEED") else {
        return rand::random();
    };
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let seed = bytes.and_then(|bytes| bytes.try_into().ok());
    seed.expect("AIKAGI_MODEL_SEED has 64 hexadecimal digits")
}
