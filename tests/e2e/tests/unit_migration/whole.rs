//! A unit migration happens completely or not at all (MIG-4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aikagi_api::units::v1::{AuthUnit, CredentialKind, Line};
use aikagi_client::samples::{CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND};
use aikagi_client::{LoggedIn, reason, refused};
use aikagi_e2e::in_process::InProcessSystem;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::task::JoinHandle;
use tonic::Status;

use crate::abuse::rows;

use super::{BY_LINE, BY_NUMBER, by_line, by_number, line};

/// Locks the line, as another change of the line would.
async fn hold_line(ledger: &PgPool) -> Transaction<'static, Postgres> {
    let mut transaction = ledger.begin().await.unwrap();
    sqlx::query("SELECT FROM lines WHERE contract_number = $1 FOR UPDATE")
        .bind(CONTRACT)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

/// Starts a unit migration to LINE that waits for the lock of the line. Returns when all passwords
/// are verified.
async fn waiting(
    ledger: &PgPool,
    session: &LoggedIn,
) -> JoinHandle<Result<Vec<aikagi_api::units::v1::Login>, Status>> {
    let session = session.clone();
    let migration = tokio::spawn(async move { session.migrate(AuthUnit::Line, &BY_NUMBER).await });
    let statement = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND usename = 'aikagi_units' AND wait_event_type = 'Lock'";
    loop {
        let waits: i64 = sqlx::query_scalar(statement)
            .fetch_one(ledger)
            .await
            .unwrap();
        if waits > 0 {
            return migration;
        }
        assert!(!migration.is_finished());
    }
}

/// MIG-4, INV-5: if the write of the second account fails, nothing changes and the session
/// continues. The unit migration succeeds after the fault is repaired.
#[tokio::test]
async fn a_fault_in_the_middle_changes_nothing() {
    let system = InProcessSystem::start().await;
    let session = by_line(&system).await;
    let ledger = system.ledger().await;
    sqlx::raw_sql(
        "ALTER TABLE credentials ADD CONSTRAINT fault CHECK (number <> '0312340003' OR kind <> 'PERMANENT')",
    )
    .execute(&ledger)
    .await
    .unwrap();
    let before = rows(&ledger).await;
    let migration = session.migrate(AuthUnit::Number, &BY_LINE).await;
    assert_eq!(refused(migration), "INTERNAL");
    assert_eq!(rows(&ledger).await, before);
    session.session().await.unwrap();

    sqlx::raw_sql("ALTER TABLE credentials DROP CONSTRAINT fault")
        .execute(&ledger)
        .await
        .unwrap();
    session.migrate(AuthUnit::Number, &BY_LINE).await.unwrap();
    system.site().login(SECOND, PERMANENT).await.unwrap();
}

/// MIG-4, LOGIN-2: another change between the verification and the commit fails the unit migration,
/// which then changes nothing. The test tries a changed password, a killed one, one at its limit, a
/// changed line, an unsubscribed number, and a closed line.
#[tokio::test]
async fn a_change_in_between_fails_it() {
    for change in [
        "UPDATE credentials SET epoch = nextval('credential_epoch'), hash_epoch = currval('credential_epoch')
         WHERE number = '0312340003'",
        "UPDATE credentials SET killed_time = now() WHERE number = '0312340002'",
        "UPDATE credentials SET failures = 10 WHERE number = '0312340003'",
        "UPDATE lines SET version = version + 1 WHERE contract_number = '0312340001'",
        "UPDATE numbers SET subscribed = false WHERE number = '0312340003'",
        "UPDATE lines SET closed_time = now() WHERE contract_number = '0312340001'",
    ] {
        let system = InProcessSystem::start().await;
        let session = by_number(&system).await;
        let ledger = system.ledger().await;
        let mut holding = hold_line(&ledger).await;
        let migration = waiting(&ledger, &session).await;
        sqlx::query(change).execute(&mut *holding).await.unwrap();
        holding.commit().await.unwrap();
        let after_change = rows(&ledger).await;
        assert_eq!(refused(migration.await.unwrap()), "CHANGED_MEANWHILE", "{change}");
        assert_eq!(rows(&ledger).await, after_change, "{change}");
    }
}

/// MIG-4: a unit migration that has begun is completed even if the caller disconnects.
#[tokio::test]
async fn a_unit_migration_is_completed_if_the_caller_disconnects() {
    let system = InProcessSystem::start().await;
    let session = by_number(&system).await;
    let ledger = system.ledger().await;
    let holding = hold_line(&ledger).await;
    let migration = waiting(&ledger, &session).await;
    migration.abort();
    assert!(migration.await.unwrap_err().is_cancelled());
    holding.commit().await.unwrap();
    // The next holder of the line's lock sees the completed unit migration.
    while line(&system).await.unit() != AuthUnit::Line {
        assert!(hold_line(&ledger).await.commit().await.is_ok());
    }
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
}

/// MIG-4, PW-5: of a unit migration and a concurrent password change of another account, exactly
/// one succeeds, in any order. The other changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_password_change() {
    for _ in 0..4 {
        let system = InProcessSystem::start().await;
        let session = by_number(&system).await;
        let other = system.site().login(SECOND, OTHER_PERMANENT).await.unwrap();
        let (migration, change) = tokio::join!(
            session.migrate(AuthUnit::Line, &BY_NUMBER),
            other.change(OTHER_PERMANENT, "Third1234"),
        );
        let site = system.site();
        match (migration, change) {
            (Ok(_), Err(_)) => {
                site.login(CONTRACT, PERMANENT).await.unwrap();
                assert_eq!(line(&system).await.unit(), AuthUnit::Line);
            }
            (Err(status), Ok(_)) => {
                let expected = ["STALE_VIEW", "CHANGED_MEANWHILE", "PASSWORD_WRONG"];
                assert!(expected.contains(&reason(&status)), "{}", reason(&status));
                assert_eq!(line(&system).await.unit(), AuthUnit::Number);
                site.login(FIRST, PERMANENT).await.unwrap();
                site.login(SECOND, "Third1234").await.unwrap();
                let old = site.login(SECOND, OTHER_PERMANENT).await;
                assert_eq!(refused(old), "LOGIN_REFUSED");
            }
            both => panic!("exactly one must succeed: {both:?}"),
        }
    }
}

/// MIG-4: of two concurrent unit migrations one succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_concurrent_migrations_one_succeeds() {
    let system = InProcessSystem::start().await;
    let one = by_number(&system).await;
    let other = system.site().login(SECOND, OTHER_PERMANENT).await.unwrap();
    let (first, second) = tokio::join!(
        one.migrate(AuthUnit::Line, &BY_NUMBER),
        other.migrate(AuthUnit::AdminUser, &BY_NUMBER),
    );
    let (unit, password, status) = match (first, second) {
        (Ok(_), Err(status)) => (AuthUnit::Line, PERMANENT, status),
        (Err(status), Ok(_)) => (AuthUnit::AdminUser, OTHER_PERMANENT, status),
        both => panic!("exactly one must succeed: {both:?}"),
    };
    let expected = [
        "SESSION_ENDED",
        "CHANGED_MEANWHILE",
        "STALE_VIEW",
        "PASSWORD_WRONG",
        "PASSWORD_DEAD",
    ];
    assert!(expected.contains(&reason(&status)), "{}", reason(&status));
    assert_eq!(line(&system).await.unit(), unit);
    system.site().login(CONTRACT, password).await.unwrap();
}

/// True if a view shows the line before or after the unit migration, not in between. Exactly the
/// accounts of the unit then have a permanent password.
fn is_whole(line: &Line) -> bool {
    let permanent = |number: &str| {
        let found = line.numbers.iter().find(|found| found.number == number);
        found.unwrap().credential_kind() == CredentialKind::Permanent
    };
    let permanent = [CONTRACT, FIRST, SECOND].map(permanent);
    match line.unit() {
        AuthUnit::Line => permanent == [true, false, false],
        AuthUnit::AdminUser => permanent == [true, true, true],
        AuthUnit::Number | AuthUnit::Unspecified => false,
    }
}

/// MIG-4: a concurrent reader never sees the line half changed.
#[tokio::test(flavor = "multi_thread")]
async fn no_reader_sees_a_half_changed_line() {
    let system = InProcessSystem::start().await;
    let session = by_line(&system).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<JoinHandle<usize>> = (0..4)
        .map(|_| {
            let (operator, done) = (system.operator(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut views = 0;
                loop {
                    let last = done.load(Ordering::SeqCst);
                    let seen = operator.line(CONTRACT).await.unwrap();
                    assert!(is_whole(&seen), "{seen:?}");
                    views += 1;
                    if last {
                        assert_eq!(seen.unit(), AuthUnit::AdminUser);
                        return views;
                    }
                }
            })
        })
        .collect();
    let migration = session.migrate(AuthUnit::AdminUser, &BY_LINE).await;
    done.store(true, Ordering::SeqCst);
    migration.unwrap();
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
}
