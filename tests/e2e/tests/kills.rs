//! Replicas that are killed or restarted under load, with the system as processes (INV-2, INV-6).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, TEMPORARY,
};
use aikagi_client::{Site, reason, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::processes::{ProcessSystem, light};
use sqlx::PgPool;
use tokio::task::JoinSet;

/// The number of concurrent wrong logins on one number.
const ATTEMPTS: usize = 500;
/// The number of subscribers' connections. A port limits the concurrent requests of each connection.
const CONNECTIONS: usize = 10;
/// The number of responses after which the fault strikes.
const FAULT_AFTER: usize = 40;
/// The number of refusals after which right passwords are sent too. By then no attempt is left.
const LATE: usize = 60;
const READY: Duration = Duration::from_mins(1);

async fn start(authentication: u16) -> (ProcessSystem, PgPool) {
    let replicas = [(Service::Authentication, authentication)];
    let system = ProcessSystem::start(&replicas, light, Vec::new()).await;
    system
        .operator()
        .add_line(&[(CONTRACT, false), (FIRST, true)])
        .await
        .unwrap();
    let ledger = system.ledger().await;
    (system, ledger)
}

async fn set_temporary(system: &ProcessSystem, password: &str) {
    system
        .ivr()
        .set_by_telephone(CONTRACT, "1", "", password)
        .await
        .unwrap();
}

async fn establish(system: &ProcessSystem) {
    set_temporary(system, TEMPORARY).await;
    let session = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    session.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
}

/// Sends concurrent logins with a wrong password, and causes a fault while they run. Sends some logins
/// with the right password when no attempt is left. Every response must be a refusal, or say that a
/// replica is unavailable.
async fn storm(
    system: &mut ProcessSystem,
    wrong: &'static str,
    right: &'static str,
    fault: fn(&mut ProcessSystem),
) {
    let sites: Vec<Site> = (0..CONNECTIONS).map(|_| system.site()).collect();
    let mut attempts = JoinSet::new();
    let try_one = |attempts: &mut JoinSet<&'static str>, attempt: usize, password: &'static str| {
        let site = sites[attempt % CONNECTIONS].clone();
        attempts.spawn(async move {
            match site.login(CONTRACT, password).await {
                Ok(_) => "OPENED",
                Err(status) => reason(&status),
            }
        });
    };
    for attempt in 0..ATTEMPTS {
        try_one(&mut attempts, attempt, wrong);
    }
    let (mut answered, mut refused) = (0, 0);
    while let Some(answer) = attempts.join_next().await {
        let answer = answer.unwrap();
        assert!(
            ["LOGIN_REFUSED", "UNAVAILABLE"].contains(&answer),
            "{answer}"
        );
        answered += 1;
        refused += usize::from(answer == "LOGIN_REFUSED");
        if answered == FAULT_AFTER {
            fault(system);
        }
        if answer == "LOGIN_REFUSED" && refused == LATE {
            for attempt in 0..5 {
                try_one(&mut attempts, attempt, right);
            }
        }
    }
    assert_eq!(answered, ATTEMPTS + 5);
}

/// The count of an account, and the number of wrong attempts settled after the given audit event.
async fn counted(ledger: &PgPool, after: i64) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT failures::bigint FROM credentials WHERE number = $1),
                (SELECT count(*) FROM audit_events
                 WHERE event_id > $2 AND number = $1 AND action = 'LOGIN' AND reason IN ('WRONG', 'KILLED'))",
    )
    .bind(CONTRACT)
    .bind(after)
    .fetch_one(ledger)
    .await
    .unwrap()
}

async fn last_event(ledger: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT coalesce(max(event_id), 0) FROM audit_events")
        .fetch_one(ledger)
        .await
        .unwrap()
}

fn kill_one(system: &mut ProcessSystem) {
    system.processes.replicas(Service::Authentication)[1].kill9();
}

fn revive(system: &mut ProcessSystem) {
    for replica in system.processes.replicas(Service::Authentication) {
        if !replica.alive() {
            replica.restart().unwrap();
            replica.wait_ready(READY).unwrap();
        }
    }
}

/// LOGIN-4, LOGIN-2: 500 concurrent logins with a wrong password over three replicas, one of which
/// is killed (-9) midway. At most 3 of these logins compare a temporary password. At most 10
/// compare a permanent one.
/// The count is exact, and the password is killed. After that, the right password is refused too,
/// even by the restarted replica.
/// INV-2, INV-6: the count is in the ledger. A crash may cost an attempt, but it never gives an
/// additional one.
/// LOGIN-3: a restart does not set the count to 0.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_killed_in_a_storm_gives_no_attempt() {
    let (mut system, ledger) = start(3).await;
    set_temporary(&system, TEMPORARY).await;
    let before = last_event(&ledger).await;
    storm(&mut system, "00000000", TEMPORARY, kill_one).await;
    let (failures, looked) = counted(&ledger, before).await;
    assert_eq!(failures, 3);
    assert!(looked <= 3, "{looked}");
    revive(&mut system);
    for _ in 0..6 {
        assert_eq!(
            refused(system.site().login(CONTRACT, TEMPORARY).await),
            "LOGIN_REFUSED"
        );
    }

    establish(&system).await;
    let before = last_event(&ledger).await;
    storm(&mut system, OTHER_PERMANENT, PERMANENT, kill_one).await;
    let (failures, looked) = counted(&ledger, before).await;
    assert_eq!(failures, 10);
    assert!(looked <= 10, "{looked}");
    revive(&mut system);
    for _ in 0..6 {
        assert_eq!(
            refused(system.site().login(CONTRACT, PERMANENT).await),
            "LOGIN_REFUSED"
        );
    }
    set_temporary(&system, OTHER_TEMPORARY).await;
    system
        .site()
        .login(CONTRACT, OTHER_TEMPORARY)
        .await
        .unwrap();
}

/// LOGIN-4, INV-3: if no replica is killed, exactly 10 permanent passwords are compared, even if
/// Redis is emptied midway. Exactly 3 temporary passwords are compared.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_over_processes_is_counted_exactly() {
    let (mut system, ledger) = start(3).await;
    establish(&system).await;
    let before = last_event(&ledger).await;
    storm(&mut system, OTHER_PERMANENT, PERMANENT, |system| {
        system.processes.redis.flush().unwrap();
    })
    .await;
    assert_eq!(counted(&ledger, before).await, (10, 10));

    set_temporary(&system, TEMPORARY).await;
    let before = last_event(&ledger).await;
    storm(&mut system, "00000000", TEMPORARY, |_| {}).await;
    assert_eq!(counted(&ledger, before).await, (3, 3));
}

/// INV-6: a replica that is asked to stop (SIGTERM) accepts no new requests and completes those in progress. A rolling
/// restart under steady logins, session checks and logouts fails no request.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request() {
    let (mut system, ledger) = start(2).await;
    establish(&system).await;
    let (stop, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut subscribers = JoinSet::new();
    for _ in 0..4 {
        let (site, stop, done) = (system.site(), Arc::clone(&stop), Arc::clone(&done));
        subscribers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let session = site.login(CONTRACT, PERMANENT).await.unwrap();
                session.session().await.unwrap();
                session.logout().await.unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for replica in [0, 1, 0] {
        let before = done.load(Ordering::Relaxed);
        while done.load(Ordering::Relaxed) < before + 20 && subscribers.try_join_next().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::task::block_in_place(|| {
            let replica = &mut system.processes.replicas(Service::Authentication)[replica];
            replica.ask_to_stop();
            assert!(replica.wait_end(READY), "the replica does not exit");
            replica.restart().unwrap();
            replica.wait_ready(READY).unwrap();
        });
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(subscriber) = subscribers.join_next().await {
        subscriber.unwrap();
    }
    let failures: i32 = sqlx::query_scalar("SELECT failures FROM credentials WHERE number = $1")
        .bind(CONTRACT)
        .fetch_one(&ledger)
        .await
        .unwrap();
    assert_eq!(failures, 0);
}
