//! All of a migration happens or none (MIG-4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aikagi_api::units::v1::{AuthUnit, CredentialKind, Line};
use aikagi_tests::edge::LoggedIn;
use aikagi_tests::world::{
    CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, World, reason, refused,
};
use sqlx::{PgPool, Postgres, Transaction};
use tokio::task::JoinHandle;
use tonic::Status;

use crate::abuse::rows;

use super::{BY_LINE, BY_NUMBER, by_line, by_number, line};

/// Holds the line as another change of it would.
async fn hold_line(ledger: &PgPool) -> Transaction<'static, Postgres> {
    let mut transaction = ledger.begin().await.unwrap();
    sqlx::query("SELECT FROM lines WHERE contract_number = $1 FOR UPDATE")
        .bind(CONTRACT)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

/// Begins a migration to LINE that waits for the line: all passwords are verified by then.
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

/// MIG-4, INV-5: with the second account's write failing nothing is changed, and the session goes on; the migration
/// can be made again when the fault is mended.
#[tokio::test]
async fn a_fault_in_the_middle_changes_nothing() {
    let world = World::start().await;
    let session = by_line(&world).await;
    let ledger = world.ledger().await;
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
    world.site().login(SECOND, PERMANENT).await.unwrap();
}

/// MIG-4, LOGIN-2: what changes between the passwords and the commit makes the migration fail, with nothing else
/// changed: a password changed, one killed by wrong attempts, a number added or unsubscribed, the line closed.
#[tokio::test]
async fn what_changes_meanwhile_makes_it_fail() {
    for change in [
        "UPDATE credentials SET epoch = nextval('credential_epoch'), hash_epoch = currval('credential_epoch')
         WHERE number = '0312340003'",
        "UPDATE credentials SET killed_time = now() WHERE number = '0312340002'",
        "UPDATE credentials SET failures = 10 WHERE number = '0312340003'",
        "UPDATE lines SET version = version + 1 WHERE contract_number = '0312340001'",
        "UPDATE numbers SET subscribed = false WHERE number = '0312340003'",
        "UPDATE lines SET closed_time = now() WHERE contract_number = '0312340001'",
    ] {
        let world = World::start().await;
        let session = by_number(&world).await;
        let ledger = world.ledger().await;
        let mut holding = hold_line(&ledger).await;
        let migration = waiting(&ledger, &session).await;
        sqlx::query(change).execute(&mut *holding).await.unwrap();
        holding.commit().await.unwrap();
        let after_change = rows(&ledger).await;
        assert_eq!(refused(migration.await.unwrap()), "CHANGED_MEANWHILE", "{change}");
        assert_eq!(rows(&ledger).await, after_change, "{change}");
    }
}

/// MIG-4: what is begun is ended though the caller goes away.
#[tokio::test]
async fn it_runs_to_its_end_though_the_caller_goes_away() {
    let world = World::start().await;
    let session = by_number(&world).await;
    let ledger = world.ledger().await;
    let holding = hold_line(&ledger).await;
    let migration = waiting(&ledger, &session).await;
    migration.abort();
    assert!(migration.await.unwrap_err().is_cancelled());
    holding.commit().await.unwrap();
    // Whoever locks the line after it sees it done.
    while line(&world).await.unit() != AuthUnit::Line {
        assert!(hold_line(&ledger).await.commit().await.is_ok());
    }
    world.site().login(CONTRACT, PERMANENT).await.unwrap();
}

/// MIG-4, PW-5: of a migration and a change of another account's password at once, in whatever order they come, each
/// that was acknowledged holds and the other changed nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_password_at_once() {
    for _ in 0..4 {
        let world = World::start().await;
        let session = by_number(&world).await;
        let other = world.site().login(SECOND, OTHER_PERMANENT).await.unwrap();
        let (migration, change) = tokio::join!(
            session.migrate(AuthUnit::Line, &BY_NUMBER),
            other.change(OTHER_PERMANENT, "Third1234"),
        );
        let site = world.site();
        match (migration, change) {
            (Ok(_), Err(_)) => {
                site.login(CONTRACT, PERMANENT).await.unwrap();
                assert_eq!(line(&world).await.unit(), AuthUnit::Line);
            }
            (Err(status), Ok(_)) => {
                let expected = ["STALE_VIEW", "CHANGED_MEANWHILE", "PASSWORD_WRONG"];
                assert!(expected.contains(&reason(&status)), "{}", reason(&status));
                assert_eq!(line(&world).await.unit(), AuthUnit::Number);
                site.login(FIRST, PERMANENT).await.unwrap();
                site.login(SECOND, "Third1234").await.unwrap();
                let old = site.login(SECOND, OTHER_PERMANENT).await;
                assert_eq!(refused(old), "LOGIN_REFUSED");
            }
            both => panic!("one of them must win: {both:?}"),
        }
    }
}

/// MIG-4: of two migrations at once one succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_migrations_at_once_one_succeeds() {
    let world = World::start().await;
    let one = by_number(&world).await;
    let other = world.site().login(SECOND, OTHER_PERMANENT).await.unwrap();
    let (first, second) = tokio::join!(
        one.migrate(AuthUnit::Line, &BY_NUMBER),
        other.migrate(AuthUnit::AdminUser, &BY_NUMBER),
    );
    let (unit, password, status) = match (first, second) {
        (Ok(_), Err(status)) => (AuthUnit::Line, PERMANENT, status),
        (Err(status), Ok(_)) => (AuthUnit::AdminUser, OTHER_PERMANENT, status),
        both => panic!("one must win: {both:?}"),
    };
    let expected = [
        "SESSION_ENDED",
        "CHANGED_MEANWHILE",
        "STALE_VIEW",
        "PASSWORD_WRONG",
        "PASSWORD_DEAD",
    ];
    assert!(expected.contains(&reason(&status)), "{}", reason(&status));
    assert_eq!(line(&world).await.unit(), unit);
    world.site().login(CONTRACT, password).await.unwrap();
}

/// Whether a view is one of before or after, and nothing between: every account of the unit, and nobody else, has
/// a permanent password.
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

/// MIG-4: nobody who reads the line meanwhile sees it half changed.
#[tokio::test(flavor = "multi_thread")]
async fn no_reader_sees_a_half_changed_line() {
    let world = World::start().await;
    let session = by_line(&world).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<JoinHandle<usize>> = (0..4)
        .map(|_| {
            let (operator, done) = (world.operator(), Arc::clone(&done));
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
