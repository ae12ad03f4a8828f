//! Refusals that one session, number or address repeats without limit.

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
const CHECKS: usize = 200;

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

/// OPS-6, SESS-4: a back end asks 200 times at once about a number that is out of the scope of one session. The session
/// checks of others take at most twice as long as before, and the audit trail grows by a few events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_refusals_of_one_session_cost_others_nothing() {
    let system = InProcessSystem::start().await;
    system.establish(FIRST, "2", FIRST, PERMANENT).await;
    system
        .establish(STRANGER, "1", STRANGER, OTHER_PERMANENT)
        .await;
    let attacking = system.site().login(FIRST, PERMANENT).await.unwrap();
    let other = system
        .site()
        .login(STRANGER, OTHER_PERMANENT)
        .await
        .unwrap();
    median(&other).await;
    let calm = median(&other).await;

    let (stop, asked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut attack = JoinSet::new();
    let backend = system.backend();
    for _ in 0..AT_ONCE {
        let (backend, token) = (backend.clone(), attacking.token.clone());
        let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
        attack.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let answer = backend.check_access(&token, STRANGER).await;
                // A slow machine may not answer 200 questions of one session before their deadline.
                let late = |status: &Status| status.code() == Code::DeadlineExceeded;
                if !answer.as_ref().is_err_and(late) {
                    assert_eq!(refused(answer), "OUT_OF_SCOPE");
                }
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while asked.load(Ordering::Relaxed) < 20 {
        median(&other).await;
    }
    let under_siege = median(&other).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = attack.join_next().await {
        ended.unwrap();
    }
    // The counts of a minute are written only at its end, and the test may last longer than a minute.
    let statement =
        "SELECT count(*) FROM audit_events WHERE action = 'CHECK_ACCESS' AND repeats IS NULL";
    let rows: i64 = sqlx::query_scalar(statement)
        .fetch_one(&system.ledger().await)
        .await
        .unwrap();
    let asked = asked.load(Ordering::Relaxed);
    println!("calm {calm:?}, under siege {under_siege:?}, {asked} refusals, {rows} events");
    assert_eq!(rows, 1, "{rows} events of {asked} refusals");
    assert!(under_siege <= calm * 2, "{calm:?} became {under_siege:?}");
}
