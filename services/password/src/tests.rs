//! The statements on a database of the test's own, signed in as the service's role.

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_fixtures::TestDatabase;
use aikagi_hashing::seal::SealError;
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use crate::store::Store;

const CONTRACT: &str = "0322220001";
const USER: &str = "0322220002";

/// A line by number: both numbers have a temporary password that has one wrong attempt against it.
const LINE: &str = "
    BEGIN;
    INSERT INTO lines (contract_number, unit) VALUES ('0322220001', 'NUMBER');
    INSERT INTO numbers (number, line_id, subscribed)
    SELECT number, line_id, true FROM lines, unnest(ARRAY['0322220001', '0322220002']) AS number;
    INSERT INTO credentials (number, kind, failures, temporary_expires_time)
    SELECT number, 'TEMPORARY', 1, '2030-01-01' FROM numbers;
    COMMIT;";

struct World {
    store: Store,
    ledger: PgPool,
    _database: TestDatabase,
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
struct Row {
    kind: String,
    epoch: i64,
    hash_epoch: Option<i64>,
    permanent_hash: Option<Vec<u8>>,
    changed_time: Option<DateTime<Utc>>,
    failures: i32,
    killed_time: Option<DateTime<Utc>>,
    temporary_expires_time: Option<DateTime<Utc>>,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::new().await.unwrap();
        let ledger = database.pool().await.unwrap();
        sqlx::raw_sql(LINE).execute(&ledger).await.unwrap();
        let store = Store::new(database.pool_as("aikagi_password").await.unwrap());
        Self {
            store,
            ledger,
            _database: database,
        }
    }

    async fn row(&self, number: &str) -> Row {
        let statement = "SELECT kind, epoch, hash_epoch, permanent_hash, changed_time, failures, killed_time, \
                         temporary_expires_time FROM credentials WHERE number = $1";
        sqlx::query_as(statement)
            .bind(number)
            .fetch_one(&self.ledger)
            .await
            .unwrap()
    }

    /// When the unit was established, and the line's version.
    async fn line(&self) -> (Option<DateTime<Utc>>, i64) {
        sqlx::query_as("SELECT unit_established_time, version FROM lines")
            .fetch_one(&self.ledger)
            .await
            .unwrap()
    }

    /// Actor, number, outcome and reason of every event.
    async fn audit(&self) -> Vec<(String, String, String, Option<String>)> {
        let statement = "SELECT actor, number, outcome, reason FROM audit_events \
                         WHERE action = 'CHANGE_PASSWORD' AND line_id IS NOT NULL ORDER BY event_id";
        sqlx::query_as(statement)
            .fetch_all(&self.ledger)
            .await
            .unwrap()
    }

    async fn prepare(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(&self.ledger)
            .await
            .unwrap();
    }

    async fn change(&self, number: &str, expected: i64) -> Result<Epoch, ErrorReason> {
        self.store
            .change(&telephone(number), Epoch(expected), sealed, now())
            .await
            .map_err(reason)
    }
}

fn telephone(number: &str) -> TelephoneNumber {
    TelephoneNumber::parse(number).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// Stands for a hash sealed for this epoch.
#[allow(clippy::unnecessary_wraps, reason = "sealing can fail")]
fn sealed(epoch: Epoch) -> Result<Vec<u8>, SealError> {
    Ok(epoch.0.to_be_bytes().to_vec())
}

fn reason(failure: Failure) -> ErrorReason {
    Refusal::from(failure).reason()
}

/// INV-1, INV-2, INV-5, INV-9, LOGIN-7: the new password has an identity and a count of its own, its hash is
/// sealed for that identity, and the temporary one is gone; the event is committed with it.
#[tokio::test]
async fn a_change_makes_another_credential() {
    let world = World::new().await;
    let before = world.row(CONTRACT).await;
    world
        .prepare("UPDATE credentials SET killed_time = now(), failures = 3")
        .await;
    let epoch = world.change(CONTRACT, before.epoch).await.unwrap();
    assert!(epoch.0 > before.epoch);
    let expected = Row {
        kind: "PERMANENT".to_owned(),
        epoch: epoch.0,
        hash_epoch: Some(epoch.0),
        permanent_hash: sealed(epoch).ok(),
        changed_time: Some(now()),
        failures: 0,
        killed_time: None,
        temporary_expires_time: None,
    };
    assert_eq!(world.row(CONTRACT).await, expected);
    assert_eq!(world.row(USER).await.kind, "TEMPORARY");
    let event = ("******0001".to_owned(), CONTRACT.to_owned());
    assert_eq!(
        world.audit().await,
        [(event.0, event.1, "DONE".to_owned(), None)]
    );
}

/// PW-5, INV-5: of two changes at once one succeeds, and the other is told that it came too late; nothing is
/// mixed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_changes_at_once_one_comes_too_late() {
    let world = World::new().await;
    let before = world.row(USER).await.epoch;
    let (one, other) = tokio::join!(world.change(USER, before), world.change(USER, before));
    let (done, late) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(late, Err(ErrorReason::ChangedMeanwhile));
    let epoch = done.unwrap();
    let row = world.row(USER).await;
    assert_eq!((row.epoch, row.hash_epoch), (epoch.0, Some(epoch.0)));
    assert_eq!(row.permanent_hash, sealed(epoch).ok());
    assert_eq!(world.audit().await.len(), 1);
}

/// UNIT-2: the first permanent password of the unit establishes it, once and for all.
#[tokio::test]
async fn the_first_permanent_password_establishes_the_unit() {
    let world = World::new().await;
    assert_eq!(world.line().await, (None, 0));
    let first = world.row(USER).await.epoch;
    world.change(USER, first).await.unwrap();
    assert_eq!(world.line().await, (Some(now()), 1));
    let store = &world.store;
    let next = Epoch(world.row(CONTRACT).await.epoch);
    let later = now() + TimeDelta::hours(1);
    store
        .change(&telephone(CONTRACT), next, sealed, later)
        .await
        .unwrap();
    assert_eq!(world.line().await, (Some(now()), 1));
}

/// UNIT-1, SESS-2, INV-5: what is no account any more when the line is locked is not changed.
#[tokio::test]
async fn no_account_no_change() {
    for statement in [
        "UPDATE lines SET closed_time = now()",
        "UPDATE lines SET unit = 'LINE'",
        "UPDATE numbers SET subscribed = false",
        "DELETE FROM numbers WHERE number = '0322220002'",
    ] {
        let world = World::new().await;
        let before = world.row(USER).await.epoch;
        world.prepare(statement).await;
        let late = world.change(USER, before).await;
        assert_eq!(late, Err(ErrorReason::ChangedMeanwhile), "{statement}");
        let permanent: i64 =
            sqlx::query_scalar("SELECT count(*) FROM credentials WHERE kind = 'PERMANENT'")
                .fetch_one(&world.ledger)
                .await
                .unwrap();
        assert_eq!((permanent, world.line().await.0), (0, None), "{statement}");
    }
}

/// INV-5: a hash that cannot be sealed changes nothing.
#[tokio::test]
async fn a_fault_of_ours_changes_nothing() {
    let world = World::new().await;
    let before = world.row(USER).await;
    let failed = world
        .store
        .change(
            &telephone(USER),
            Epoch(before.epoch),
            |_epoch| Err(SealError::NoRandomness),
            now(),
        )
        .await;
    assert_eq!(failed.map_err(reason), Err(ErrorReason::Internal));
    assert_eq!(world.row(USER).await, before);
    assert_eq!(world.line().await, (None, 0));
}

/// OPS-3: a refusal leaves an event too; for a number that has left its line it leaves none.
#[tokio::test]
async fn a_refusal_leaves_an_event() {
    let world = World::new().await;
    for number in [USER, "0399990009"] {
        world
            .store
            .note_refusal(&telephone(number), "PASSWORD_REUSED", now())
            .await
            .unwrap();
    }
    let [(actor, number, outcome, reason)] = world.audit().await.try_into().unwrap();
    assert_eq!(
        (actor.as_str(), number.as_str(), outcome.as_str()),
        ("******0002", USER, "REFUSED")
    );
    assert_eq!(reason.as_deref(), Some("PASSWORD_REUSED"));
}
