//! Refusals that one session repeats without limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aikagi_client::samples::{FIRST, OTHER_PERMANENT, PERMANENT, STRANGER};
use aikagi_client::{LoggedIn, refused};
use aikagi_e2e::in_process::InProcessSystem;
use tokio::task::JoinSet;
use tonic::{Code, Status};

/// How many questions of the attacking session are in progress at once.
const AT_ONCE: usize = 200;
/// How many session checks of another subscriber are measured in each part.
const CHECKS: usize = 100;
/// The maximum number of rounds. One round in which the attack costs others nothing is enough, because other programs
/// on the machine can disturb a round. Without the defence, each round fails by far.
const ROUNDS: usize = 5;

/// The median time of a session check.
async fn median(session: &LoggedIn) -> Duration {
    let mut times = Vec::new();
    for _ in 0..CHECKS {
        let begun = Instant::now();
        session.session().await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    times[CHECKS / 2]
}

/// An attack: a back end asks about a number that is out of the scope of one session.
struct Attack {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    questions: JoinSet<()>,
}

impl Attack {
    fn begin(system: &InProcessSystem, session: &LoggedIn) -> Self {
        let mut attack = Self {
            stop: Arc::default(),
            refused: Arc::default(),
            questions: JoinSet::new(),
        };
        let backend = system.backend();
        for _ in 0..AT_ONCE {
            let (backend, token) = (backend.clone(), session.token.clone());
            let (stop, count) = (Arc::clone(&attack.stop), Arc::clone(&attack.refused));
            attack.questions.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = backend.check_access(&token, STRANGER).await;
                    // A slow machine may not answer 200 questions of one session before their deadline.
                    let late = |status: &Status| status.code() == Code::DeadlineExceeded;
                    if !answer.as_ref().is_err_and(late) {
                        assert_eq!(refused(answer), "OUT_OF_SCOPE");
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        attack
    }

    /// Ends the attack. Returns the number of refusals.
    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.questions.join_all().await;
        self.refused.load(Ordering::Relaxed)
    }
}

/// OPS-6, SESS-4: a back end asks 200 times at once about a number that is out of the scope of one session. The session
/// checks of others take at most twice as long as before. The audit trail has one event at once, and one for each
/// minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_refusals_of_one_session_cost_others_nothing() {
    let system = InProcessSystem::start().await;
    system.establish(FIRST, "2", FIRST, PERMANENT).await;
    system
        .establish(STRANGER, "1", STRANGER, OTHER_PERMANENT)
        .await;
    let attacking = system.site().login(FIRST, PERMANENT).await.unwrap();
    let other = system.site().login(STRANGER, OTHER_PERMANENT).await;
    let other = other.unwrap();
    let (begun, mut all) = (Instant::now(), 0);
    let mut measured = Vec::new();
    while measured.len() < ROUNDS {
        let calm = median(&other).await;
        let attack = Attack::begin(&system, &attacking);
        median(&other).await;
        let during = median(&other).await;
        all += attack.end().await;
        measured.push((calm, during));
        if during <= calm * 2 {
            break;
        }
    }
    let served = measured.iter().any(|(calm, during)| *during <= *calm * 2);
    assert!(served, "{measured:?}");
    assert!(all >= AT_ONCE, "{all}");
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_events WHERE action = 'CHECK_ACCESS'")
            .fetch_one(&system.ledger().await)
            .await
            .unwrap();
    let minutes = i64::try_from(begun.elapsed().as_secs() / 60).unwrap();
    assert!(
        (1..=2 + minutes).contains(&events),
        "{events} events of {all} refusals"
    );
}
