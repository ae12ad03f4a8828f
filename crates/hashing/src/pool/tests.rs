use std::time::Duration;

use crate::{Counts, Hash, Permit, Pool, SecretBytes, Settings};
use tokio::time::Instant;

fn pool(threads: usize, queue: usize) -> Pool {
    Pool::new(&Settings {
        memory_kib: 64,
        iterations: 1,
        threads: Some(threads),
        ahead: 0,
        queue,
        ..Settings::default()
    })
    .unwrap()
}

fn secret() -> SecretBytes {
    "abcd1234".into()
}

async fn hashed(permit: &mut Permit) -> Hash {
    permit.hash(secret()).await.unwrap()
}

#[tokio::test]
async fn one_permit_serves_one_operation_after_another() {
    let pool = pool(1, 0);
    let mut permit = pool.permit(None).await.unwrap();
    let hash = hashed(&mut permit).await;
    assert!(permit.verify(secret(), &hash).await.unwrap());
    assert!(!permit.verify("abcd1235".into(), &hash).await.unwrap());
    assert_eq!(
        pool.counts(),
        Counts {
            hashed: 1,
            verified: 2,
            decoys: 0
        }
    );
    assert_eq!(pool.count(), 3);
}

/// INV-10, LOGIN-5: a comparison with the decoy costs one run with the pool's parameters, and never succeeds.
#[tokio::test]
async fn the_decoy_is_one_run_and_never_matches() {
    let pool = pool(1, 0);
    let mut permit = pool.permit(None).await.unwrap();
    assert!(!permit.verify_decoy(secret()).await.unwrap());
    assert_eq!(
        pool.counts(),
        Counts {
            hashed: 0,
            verified: 0,
            decoys: 1
        }
    );
}

/// INV-6, INV-10: while all slots are in use and the queue is full, further callers are refused immediately.
#[tokio::test]
async fn a_caller_beyond_the_queue_is_refused_immediately() {
    let pool = pool(2, 1);
    let (first, _second) = (
        pool.permit(None).await.unwrap(),
        pool.permit(None).await.unwrap(),
    );
    let queued = tokio::spawn({
        let pool = pool.clone();
        async move { pool.permit(None).await }
    });
    while pool.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = pool.permit(None).await.unwrap_err();
    assert!(refused.retry_after >= Duration::from_secs(1));
    drop(first);
    queued.await.unwrap().unwrap();
    assert_eq!(pool.waiting(), 0);
    assert_eq!(pool.count(), 0);
}

/// INV-6: besides the callers whose hashes run, exactly `ahead` callers hold a permit.
#[tokio::test]
async fn more_callers_than_threads_get_a_permit() {
    let pool = Pool::new(&Settings {
        memory_kib: 64,
        threads: Some(1),
        ahead: 1,
        queue: 0,
        ..Settings::default()
    })
    .unwrap();
    let mut first = pool.permit(None).await.unwrap();
    let mut second = pool.permit(None).await.unwrap();
    pool.permit(None).await.unwrap_err();
    let (one, other) = tokio::join!(first.hash(secret()), second.hash(secret()));
    assert!(one.is_ok() && other.is_ok());
}

/// INV-11: waiting ends at the deadline, and no work starts after it.
#[tokio::test(start_paused = true)]
async fn waiting_ends_at_the_deadline() {
    let pool = pool(1, 8);
    let held = pool.permit(None).await.unwrap();
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(300);
    pool.permit(Some(deadline)).await.unwrap_err();
    assert_eq!(begun.elapsed().as_millis(), 300);
    assert_eq!(pool.waiting(), 0);

    drop(held);
    pool.permit(Some(deadline)).await.unwrap_err();
    pool.permit(Some(deadline + Duration::from_millis(1)))
        .await
        .unwrap();
}

/// INV-10: a caller that is cancelled while it waits leaves the queue.
#[tokio::test]
async fn a_cancelled_caller_leaves_the_queue() {
    let pool = pool(1, 1);
    let _held = pool.permit(None).await.unwrap();
    let queued = tokio::spawn({
        let pool = pool.clone();
        async move { pool.permit(None).await }
    });
    while pool.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    queued.abort();
    assert!(queued.await.unwrap_err().is_cancelled());
    assert_eq!(pool.waiting(), 0);
}

/// INV-10: if a caller is cancelled during a hash, the hash keeps its slot until it ends.
#[tokio::test]
async fn the_work_of_a_cancelled_caller_keeps_its_slot() {
    let pool = Pool::new(&Settings {
        memory_kib: 4096,
        iterations: 20,
        threads: Some(1),
        ahead: 0,
        queue: 1,
        ..Settings::default()
    })
    .unwrap();
    let mut permit = pool.permit(None).await.unwrap();
    let left = tokio::spawn(async move { permit.hash(secret()).await });
    while pool.count() == 0 {
        tokio::task::yield_now().await;
    }
    left.abort();
    drop(left);
    let after = pool.permit(None).await.unwrap();
    assert_eq!(pool.count(), 1);
    drop(after);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |settings: Settings| Pool::new(&settings).unwrap_err().to_string();
    let none = refused(Settings {
        threads: Some(0),
        ..Settings::default()
    });
    assert!(none.contains("hashing.threads"));
    let little = refused(Settings {
        memory_kib: 1,
        ..Settings::default()
    });
    assert!(little.contains("memory_kib"));
}
