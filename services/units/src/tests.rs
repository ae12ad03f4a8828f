//! The RPCs on a private database, with the rights of the service's role.

use std::sync::Arc;

use aikagi_api::units::v1::{
    AccountRole, AddLineRequest, AuthUnit, CredentialKind, GetLineRequest, Line, NewNumber,
};
use aikagi_fixtures::TestDatabase;
use aikagi_mesh::clock::ManualClock;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_refusal::{ErrorReason, Refusal};
use chrono::DateTime;
use sqlx::PgPool;

mod archive;
mod audit;
mod directory;
mod import;

use crate::Units;
use crate::directory::{add_line, get_line};
use crate::store::Store;

const CONTRACT: &str = "0333330001";
const USER: &str = "0333330002";
const PLAIN: &str = "0333330003";
const OTHER: &str = "0333330009";

struct Fixture {
    units: Units,
    ledger: PgPool,
    /// The database is removed when the fixture is dropped.
    database: TestDatabase,
}

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::new().await.unwrap();
        let ledger = database.pool().await.unwrap();
        let units = Units {
            store: Store::new(database.ledger_as("aikagi_units").unwrap()),
            clock: ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()),
            credential_rules: Arc::default(),
            shutdown: Shutdown::new(),
        };
        Self {
            units,
            ledger,
            database,
        }
    }

    async fn add(&self, contract: &str, additional: &[&str]) -> Result<Line, Refusal> {
        let number = |number: &str, subscribed| NewNumber {
            number: number.to_owned(),
            subscribed,
        };
        let request = AddLineRequest {
            contract_number: Some(number(contract, false)),
            additional_numbers: additional
                .iter()
                .map(|text| number(text, *text != PLAIN))
                .collect(),
        };
        let response = add_line::add_line(&self.units, "operator/alice", request).await;
        Ok(response?.line.unwrap())
    }

    async fn get(&self, number: &str) -> Result<Line, Refusal> {
        let request = GetLineRequest {
            number: number.to_owned(),
        };
        Ok(get_line::get_line(&self.units, request)
            .await?
            .line
            .unwrap())
    }

    async fn prepare(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(&self.ledger)
            .await
            .unwrap();
    }

    /// The counts of lines, telephone numbers and credentials.
    async fn counts(&self) -> (i64, i64, i64) {
        let statement = "SELECT (SELECT count(*) FROM lines), (SELECT count(*) FROM numbers), \
                         (SELECT count(*) FROM credentials)";
        sqlx::query_as(statement)
            .fetch_one(&self.ledger)
            .await
            .unwrap()
    }

    /// Number, outcome and reason of the audit events of `AddLine`, in their order.
    async fn audit(&self) -> Vec<(Option<String>, String, Option<String>)> {
        let statement = "SELECT number, outcome, reason FROM audit_events \
                         WHERE actor = 'operator/alice' AND action = 'ADD_LINE' AND line_id IS NOT NULL \
                         ORDER BY event_id";
        sqlx::query_as(statement)
            .fetch_all(&self.ledger)
            .await
            .unwrap()
    }
}

fn done(number: &str) -> (Option<String>, String, Option<String>) {
    (Some(number.to_owned()), "DONE".to_owned(), None)
}

/// OPS-1, UNIT-2, UNIT-3: a new line has all its numbers in the normal form, no unit and no password.
#[tokio::test]
async fn a_line_is_added_with_its_numbers() {
    let fixture = Fixture::new().await;
    let added = fixture
        .add("03-3333-0001", &[PLAIN, "０３３３３３０００２"])
        .await
        .unwrap();
    assert_eq!(added.contract_number, CONTRACT);
    assert_eq!(added.unit(), AuthUnit::Unspecified);
    assert_eq!(
        (added.unit_established_time, added.close_time),
        (None, None)
    );
    let numbers: Vec<_> = added
        .numbers
        .iter()
        .map(|number| (number.number.as_str(), number.subscribed))
        .collect();
    assert_eq!(numbers, [(CONTRACT, false), (USER, true), (PLAIN, false)]);
    for number in &added.numbers {
        assert_eq!(number.role(), AccountRole::Unspecified);
        assert_eq!(number.credential_kind(), CredentialKind::None);
    }
    assert_eq!(fixture.get(PLAIN).await.unwrap(), added);
    assert_eq!(fixture.audit().await, [done(CONTRACT)]);
}

/// OPS-1, UNIT-3: if one number is taken, nothing is added. The refusal shows that number masked.
#[tokio::test]
async fn a_line_with_a_taken_number_is_not_added() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    for (contract, additional, masked, taken) in [
        (CONTRACT, vec![], "******0001", CONTRACT),
        (USER, vec![], "******0002", USER),
        (OTHER, vec![PLAIN, USER], "******0002", USER),
        (OTHER, vec![CONTRACT], "******0001", CONTRACT),
    ] {
        let refusal = fixture.add(contract, &additional).await.unwrap_err();
        let expected = Refusal::new(ErrorReason::NumberTaken).with("number", masked);
        assert_eq!(refusal, expected);
        assert_eq!(fixture.counts().await, (1, 2, 2));
        let event = fixture.audit().await.pop().unwrap();
        assert_eq!(event.0.as_deref(), Some(taken));
        assert_eq!(event.2.as_deref(), Some("NUMBER_TAKEN"));
    }
}

/// OPS-1, INV-5: if two lines with common numbers are added in parallel, one is added completely and the other is
/// refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_parallel_lines_is_added() {
    let fixture = Fixture::new().await;
    let (one, other) = tokio::join!(
        fixture.add(CONTRACT, &[USER, OTHER]),
        fixture.add(OTHER, &[CONTRACT, USER]),
    );
    let refused = [&one, &other]
        .into_iter()
        .find_map(|line| line.as_ref().err());
    assert_eq!(refused.map(Refusal::reason), Some(ErrorReason::NumberTaken));
    let added = one.or(other).unwrap();
    assert_eq!(added.numbers.len(), 3);
    assert_eq!(fixture.counts().await, (1, 3, 3));
    assert_eq!(fixture.audit().await.len(), 2);
}

/// OPS-2, UNIT-1: the state of a line has the role of each number and the state of its credential, without secrets.
#[tokio::test]
async fn the_state_of_a_line_has_no_secrets() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER, PLAIN]).await.unwrap();
    fixture
        .prepare(
            "UPDATE lines SET unit = 'ADMIN_USER', unit_established_time = '2027-01-01';
             UPDATE credentials SET kind = 'PERMANENT', permanent_hash = 'x', hash_epoch = epoch,
                 changed_time = '2027-01-01', failures = 2, killed_time = '2027-01-02'
             WHERE number = '0333330001';
             UPDATE credentials SET kind = 'TEMPORARY', temporary_expires_time = '2027-01-03', failures = 1,
                 permanent_hash = 'x', hash_epoch = epoch, changed_time = '2026-01-01'
             WHERE number = '0333330002';",
        )
        .await;
    let line = fixture.get("03 3333 0002").await.unwrap();
    assert_eq!(line.unit(), AuthUnit::AdminUser);
    assert!(line.unit_established_time.is_some());
    let [contract, user, plain] = line.numbers.try_into().unwrap();
    assert_eq!(contract.role(), AccountRole::Administrator);
    assert_eq!(contract.credential_kind(), CredentialKind::Permanent);
    assert_eq!(contract.failures, 2);
    assert!(contract.kill_time.is_some() && contract.change_time.is_some());
    assert_eq!(user.role(), AccountRole::User);
    assert_eq!(user.credential_kind(), CredentialKind::Temporary);
    assert!(user.temporary_expire_time.is_some() && user.change_time.is_none());
    assert_eq!(plain.role(), AccountRole::Unspecified);
    assert_eq!(plain.credential_kind(), CredentialKind::None);
}

/// OPS-2: a number that is on no line is refused, and so is a malformed number.
#[tokio::test]
async fn a_number_on_no_line_is_refused() {
    let fixture = Fixture::new().await;
    let refusal = fixture.get(OTHER).await.unwrap_err();
    assert_eq!(refusal.reason(), ErrorReason::LineNotFound);
    let refusal = fixture.get("nothing").await.unwrap_err();
    assert_eq!(refusal.reason(), ErrorReason::InvalidField);
}
