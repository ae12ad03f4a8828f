//! The stores of a test, and access to their content.

use std::sync::Arc;

use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::{
    SetTemporaryPasswordRequest, SetTemporaryPasswordResponse, TakeTurnRequest, TakeTurnResponse,
};
use aikagi_devkit::installation::files::write_private;
use aikagi_devkit::installation::key_files::{KeyFile, ensure_key_files};
use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::credential::CredentialRules;
use aikagi_fixtures::{TestDatabase, TestRedis, redis_password};
use aikagi_mesh::clock::{Clock as _, ManualClock};
use aikagi_mesh::shutdown::Shutdown;
use aikagi_refusal::{ErrorReason, Refusal};
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tempfile::TempDir;

use super::{CONTRACT, PLAIN, USER, event, started};
use crate::{CallSettings, Issuance, Settings, set_temporary_password, take_turn};

/// The stores and the clock of a test, and the settings for its replicas.
pub(super) struct Fixture {
    pub(super) redis: TestRedis,
    pub(super) clock: Arc<ManualClock>,
    pub(super) ledger: PgPool,
    settings: Settings,
    _database: TestDatabase,
    _directory: TempDir,
}

/// The credential of a number in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) kind: String,
    pub(super) epoch: i64,
    pub(super) failures: i32,
    pub(super) killed_time: Option<DateTime<Utc>>,
    pub(super) temporary_expires_time: Option<DateTime<Utc>>,
    pub(super) permanent_hash: Option<Vec<u8>>,
}

/// An audit event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct AuditRow {
    pub(super) actor: String,
    pub(super) number: Option<String>,
    pub(super) outcome: String,
    pub(super) reason: Option<String>,
}

impl Fixture {
    /// A fixture with one line. The line has an unsubscribed contract number, a subscribed additional number and an
    /// unsubscribed additional number.
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let redis = TestRedis::start().unwrap();
        let password_file = directory.path().join("redis-password");
        let password = redis_password(RedisUser::Issuance);
        write_private(&password_file, password.as_bytes()).unwrap();
        ensure_key_files(directory.path()).unwrap();
        let keys = |file: KeyFile| directory.path().join(file.file_name());
        let database = TestDatabase::new().await.unwrap();
        let ledger = database.pool().await.unwrap();
        seed(&ledger).await;
        let mut at =
            aikagi_ttl::Settings::new(redis.url_without_password(RedisUser::Issuance.name()));
        at.password_file = Some(password_file);
        let settings = Settings {
            postgres: aikagi_ledger::Settings::for_url(database.url_as("aikagi_issuance")),
            redis: at,
            hashing: aikagi_hashing::Settings {
                sealing_ring: Some(keys(KeyFile::SealingRing)),
                memory_kib: 64,
                iterations: 1,
                threads: Some(4),
                ..aikagi_hashing::Settings::default()
            },
            credential: CredentialRules::default(),
            call: CallSettings::new(keys(KeyFile::CallKeys)),
        };
        let clock = ManualClock::at(DateTime::from_timestamp_millis(1_800_000_000_000).unwrap());
        Self {
            redis,
            clock,
            ledger,
            settings,
            _database: database,
            _directory: directory,
        }
    }

    /// A new replica of the service.
    pub(super) fn replica(&self) -> Issuance {
        Issuance::new(&self.settings, self.clock.clone(), Shutdown::new()).unwrap()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The credential of a number in the ledger.
    pub(super) async fn row(&self, number: &str) -> Row {
        let statement = "SELECT kind, epoch, failures, killed_time, temporary_expires_time, permanent_hash \
                         FROM credentials WHERE number = $1";
        sqlx::query_as(statement)
            .bind(number)
            .fetch_one(&self.ledger)
            .await
            .unwrap()
    }

    /// The line's unit, true if the unit is established, and the line's version.
    pub(super) async fn unit(&self) -> (Option<String>, bool, i64) {
        let statement = "SELECT unit, unit_established_time IS NOT NULL, version FROM lines";
        sqlx::query_as(statement)
            .fetch_one(&self.ledger)
            .await
            .unwrap()
    }

    /// All audit events, in their order.
    pub(super) async fn audit(&self) -> Vec<AuditRow> {
        let statement = "SELECT actor, number, outcome, reason FROM audit_events ORDER BY event_id";
        sqlx::query_as(statement)
            .fetch_all(&self.ledger)
            .await
            .unwrap()
    }

    /// Runs a statement as the superuser.
    pub(super) async fn prepare(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(&self.ledger)
            .await
            .unwrap();
    }

    /// The values of all keys in Redis, as one text.
    pub(super) async fn redis_content(&self) -> String {
        let client = redis::Client::open(self.redis.administrator_url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut connection)
            .await
            .unwrap();
        let mut content = String::new();
        for key in keys {
            let values: Vec<Vec<u8>> = redis::cmd("HGETALL")
                .arg(&key)
                .query_async(&mut connection)
                .await
                .unwrap();
            for value in values {
                content.push_str(&String::from_utf8_lossy(&value));
                content.push('\n');
            }
        }
        content
    }
}

/// Sends one turn to a replica.
pub(super) async fn turn(
    service: &Issuance,
    call_id: &str,
    sequence: u32,
    event: Event,
) -> Result<TakeTurnResponse, Refusal> {
    let request = TakeTurnRequest {
        call_id: call_id.to_owned(),
        sequence,
        event: Some(event),
    };
    take_turn::take_turn(service, "ivr", request)
        .await
        .map_err(Refusal::from)
}

/// Sends the turns of a call to the replicas in rotation. Returns the last response.
pub(super) async fn call(
    replicas: &[&Issuance],
    call_id: &str,
    caller: &str,
    entries: &[&str],
) -> TakeTurnResponse {
    let mut response = turn(replicas[0], call_id, 0, started(caller))
        .await
        .unwrap();
    for (sequence, entry) in (1..).zip(entries) {
        let replica = replicas[sequence as usize % replicas.len()];
        response = turn(replica, call_id, sequence, event(entry))
            .await
            .unwrap();
        assert_eq!(response.sequence, sequence);
    }
    response
}

/// Sets a temporary password in one request.
pub(super) async fn set(
    service: &Issuance,
    caller: &str,
    unit: i32,
    target: &str,
    password: &str,
) -> Result<SetTemporaryPasswordResponse, ErrorReason> {
    let request = SetTemporaryPasswordRequest {
        caller_number: caller.to_owned(),
        unit,
        target_number: target.to_owned(),
        temporary_password: password.to_owned(),
    };
    let response = set_temporary_password::set_temporary_password(service, "ivr", request).await;
    response.map_err(|failure| Refusal::from(failure).reason())
}

async fn seed(ledger: &PgPool) {
    let mut transaction = ledger.begin().await.unwrap();
    let line: i64 =
        sqlx::query_scalar("INSERT INTO lines (contract_number) VALUES ($1) RETURNING line_id")
            .bind(CONTRACT)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
    for (number, subscribed) in [(CONTRACT, false), (USER, true), (PLAIN, false)] {
        sqlx::query("INSERT INTO numbers (number, line_id, subscribed) VALUES ($1, $2, $3)")
            .bind(number)
            .bind(line)
            .bind(subscribed)
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::query("INSERT INTO credentials (number) VALUES ($1)")
            .bind(number)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
}
