//! The statements on a private database, with the rights of the service's role.

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

/// A line with the unit NUMBER. Both numbers have a temporary password with one wrong attempt.
const LINE: &str = "
    BEGIN;
    INSERT INTO lines (contract_number, unit) VALUES ('0322220001', 'NUMBER');
    INSERT INTO numbers (number, line_id, subscribed)
    SELECT number, line_id, true FROM lines, unnest(ARRAY['0322220001', '0322220002']) AS number;
    INSERT INTO credentials (number, kind, failures, temporary_expires_time)
    SELECT number, 'TEMPORARY', 1, '2030-01-01' FROM numbers;
    COMMIT;";

struct Fixture {
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

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::new().await.unwrap();
        let ledger = database.pool().await.unwrap();
        sqlx::raw_sql(LINE).execute(&ledger).await.unwrap();
        let store = Store::new(database.ledger_as("aikagi_password").unwrap());
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

    /// The time when the unit was established, and the line's version.
    async fn line(&self) -> (Option<DateTime<Utc>>, i64) {
        sqlx::query_as("SELECT unit_established_time, version FROM lines")
            .fetch_one(&self.ledger)
            .await
            .unwrap()
    }

    /// Actor, number, outcome and reason of each `CHANGE_PASSWORD` event that has a line.
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

/// Bytes that stand for a hash sealed for this epoch.
#[allow(clippy::unnecessary_wraps, reason = "sealing can fail")]
fn sealed(epoch: Epoch) -> Result<Vec<u8>, SealError> {
    Ok(epoch.0.to_be_bytes().to_vec())
}

fn reason(failure: Failure) -> ErrorReason {
    Refusal::from(failure).reason()
}

/// INV-1, INV-2, INV-5, INV-9, LOGIN-7: a change replaces the temporary password. The new credential has a new epoch
/// and count, its hash is sealed for that epoch, and the audit event commits with it.
#[tokio::test]
async fn a_change_replaces_the_credential() {
    let fixture = Fixture::new().await;
    let before = fixture.row(CONTRACT).await;
    fixture
        .prepare("UPDATE credentials SET killed_time = now(), failures = 3")
        .await;
    let epoch = fixture.change(CONTRACT, before.epoch).await.unwrap();
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
    assert_eq!(fixture.row(CONTRACT).await, expected);
    assert_eq!(fixture.row(USER).await.kind, "TEMPORARY");
    let event = ("******0001".to_owned(), CONTRACT.to_owned());
    assert_eq!(
        fixture.audit().await,
        [(event.0, event.1, "DONE".to_owned(), None)]
    );
}

/// PW-5, INV-5: if two changes run in parallel, one succeeds completely and the other is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_parallel_changes_succeeds() {
    let fixture = Fixture::new().await;
    let before = fixture.row(USER).await.epoch;
    let (one, other) = tokio::join!(fixture.change(USER, before), fixture.change(USER, before));
    let (done, late) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(late, Err(ErrorReason::ChangedMeanwhile));
    let epoch = done.unwrap();
    let row = fixture.row(USER).await;
    assert_eq!((row.epoch, row.hash_epoch), (epoch.0, Some(epoch.0)));
    assert_eq!(row.permanent_hash, sealed(epoch).ok());
    assert_eq!(fixture.audit().await.len(), 1);
}

/// UNIT-2: the first permanent password establishes the unit. Later permanent passwords do not change it.
#[tokio::test]
async fn the_first_permanent_password_establishes_the_unit() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.line().await, (None, 0));
    let first = fixture.row(USER).await.epoch;
    fixture.change(USER, first).await.unwrap();
    assert_eq!(fixture.line().await, (Some(now()), 1));
    let store = &fixture.store;
    let next = Epoch(fixture.row(CONTRACT).await.epoch);
    let later = now() + TimeDelta::hours(1);
    store
        .change(&telephone(CONTRACT), next, sealed, later)
        .await
        .unwrap();
    assert_eq!(fixture.line().await, (Some(now()), 1));
}

/// UNIT-1, SESS-2, INV-5: if a number is not an account at the moment when the change locks the line's row, it gets no
/// password.
#[tokio::test]
async fn a_number_that_is_not_an_account_gets_no_password() {
    for statement in [
        "UPDATE lines SET closed_time = now()",
        "UPDATE lines SET unit = 'LINE'",
        "UPDATE numbers SET subscribed = false",
        "DELETE FROM numbers WHERE number = '0322220002'",
    ] {
        let fixture = Fixture::new().await;
        let before = fixture.row(USER).await.epoch;
        fixture.prepare(statement).await;
        let late = fixture.change(USER, before).await;
        assert_eq!(late, Err(ErrorReason::ChangedMeanwhile), "{statement}");
        let permanent: i64 =
            sqlx::query_scalar("SELECT count(*) FROM credentials WHERE kind = 'PERMANENT'")
                .fetch_one(&fixture.ledger)
                .await
                .unwrap();
        assert_eq!(
            (permanent, fixture.line().await.0),
            (0, None),
            "{statement}"
        );
    }
}

/// INV-5: if the hash cannot be sealed, nothing changes.
#[tokio::test]
async fn a_failed_seal_changes_nothing() {
    let fixture = Fixture::new().await;
    let before = fixture.row(USER).await;
    let failed = fixture
        .store
        .change(
            &telephone(USER),
            Epoch(before.epoch),
            |_epoch| Err(SealError::NoRandomness),
            now(),
        )
        .await;
    assert_eq!(failed.map_err(reason), Err(ErrorReason::Internal));
    assert_eq!(fixture.row(USER).await, before);
    assert_eq!(fixture.line().await, (None, 0));
}

/// OPS-3: a refusal writes an audit event, but not for a number that is on no line.
#[tokio::test]
async fn a_refusal_writes_an_event() {
    let fixture = Fixture::new().await;
    for number in [USER, "0399990009"] {
        fixture
            .store
            .note_refusal(&telephone(number), "PASSWORD_REUSED", now())
            .await
            .unwrap();
    }
    let [(actor, number, outcome, reason)] = fixture.audit().await.try_into().unwrap();
    assert_eq!(
        (actor.as_str(), number.as_str(), outcome.as_str()),
        ("******0002", USER, "REFUSED")
    );
    assert_eq!(reason.as_deref(), Some("PASSWORD_REUSED"));
}
