//! The service with its stores, and access to the content of the stores.

use std::sync::Arc;

use aikagi_api::authentication::v1::{
    LoginRequest, LoginResponse, VerifyPasswordRequest, VerifyPasswordResponse,
};
use aikagi_devkit::installation::key_files::ensure_key_ring;
use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_domain::credential::{CredentialKind, CredentialRules, Epoch};
use aikagi_domain::session::SessionRules;
use aikagi_fixtures::{TestDatabase, TestRedis};
use aikagi_hashing::SecretBytes;
use aikagi_hashing::seal::Context;
use aikagi_ledger::LedgerError;
use aikagi_mesh::clock::{Clock as _, ManualClock};
use aikagi_mesh::shutdown::Shutdown;
use aikagi_refusal::{ErrorReason, Failure};
use aikagi_ttl::TtlStore;
use aikagi_ttl::temporary_passwords::TemporaryRecord;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use tempfile::TempDir;

use super::number;
use crate::attempt::permanent;
use crate::store::{Charge, Charged, Store};
use crate::{Authentication, Settings, login, verify_password};

/// Two lines with the unit NUMBER. No number has a password yet.
const LINES: &str = "
    BEGIN;
    INSERT INTO lines (contract_number, unit, unit_established_time)
    VALUES ('0344440001', 'NUMBER', '2026-01-01'), ('0355550001', 'NUMBER', '2026-01-01');
    INSERT INTO numbers (number, line_id, subscribed)
    SELECT number, line_id, number <> '0344440001'
    FROM lines JOIN (VALUES ('0344440001', '0344440001'), ('0344440002', '0344440001'),
                            ('0344440003', '0344440001'), ('0355550001', '0355550001'))
        AS new (number, contract_number) USING (contract_number);
    INSERT INTO credentials (number) SELECT number FROM numbers;
    COMMIT;";

/// The service with its own stores. They are removed when the fixture is dropped.
pub(super) struct Fixture {
    pub(super) service: Authentication,
    pub(super) hashing: aikagi_hashing::Settings,
    pub(super) clock: Arc<ManualClock>,
    pub(super) redis: TestRedis,
    /// A connection as the superuser.
    pub(super) ledger: PgPool,
    pub(super) database: TestDatabase,
    pub(super) directory: TempDir,
}

/// The counts of a credential.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Counts {
    pub(super) failures: i32,
    pub(super) wrong_attempts: i32,
    pub(super) reset_round: i64,
    pub(super) killed_time: Option<DateTime<Utc>>,
    pub(super) last_login_time: Option<DateTime<Utc>>,
}

/// An audit event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Event {
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) number: Option<String>,
    pub(super) outcome: String,
    pub(super) reason: Option<String>,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let redis = TestRedis::start().unwrap();
        let key_ring = directory.path().join("key-ring.toml");
        ensure_key_ring(&key_ring).unwrap();
        let database = TestDatabase::new().await.unwrap();
        let ledger = database.pool().await.unwrap();
        sqlx::raw_sql(LINES).execute(&ledger).await.unwrap();
        let settings = Settings {
            postgres: aikagi_ledger::Settings::for_url(database.url_as("aikagi_authentication")),
            redis: aikagi_ttl::Settings::new(redis.url(RedisUser::Authentication)),
            hashing: aikagi_hashing::Settings {
                key_ring: Some(key_ring),
                memory_kib: 64,
                iterations: 1,
                threads: Some(4),
                ..aikagi_hashing::Settings::default()
            },
            credential: CredentialRules::default(),
            session: SessionRules::default(),
        };
        let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let service = Authentication::new(&settings, clock.clone(), Shutdown::new()).unwrap();
        Self {
            service,
            hashing: settings.hashing,
            clock,
            redis,
            ledger,
            database,
            directory,
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.service.store
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Runs a statement as the superuser.
    pub(super) async fn execute(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(&self.ledger)
            .await
            .unwrap();
    }

    /// Sets a password of this kind for an account. This starts a new epoch.
    pub(super) async fn set(&self, account: &str, kind: CredentialKind, password: &str) -> Epoch {
        let epoch: i64 = sqlx::query_scalar("SELECT nextval('credential_epoch')")
            .fetch_one(&self.ledger)
            .await
            .unwrap();
        let epoch = Epoch(epoch);
        let account = number(account);
        let mut permit = self.service.pool.permit(None).await.unwrap();
        let hash = permit.hash(SecretBytes::from(password)).await.unwrap();
        let (now, keys) = (self.now(), &self.service.keys);
        let expires = now + TimeDelta::hours(24);
        let (permanent_hash, expires_time) = match kind {
            CredentialKind::None => panic!("a password must have a kind"),
            CredentialKind::Permanent => {
                let sealed = keys.seal_hash(permanent(&account, epoch), &hash).unwrap();
                (Some(sealed), None)
            }
            CredentialKind::Temporary => {
                let context = Context::Temporary {
                    number: &account,
                    epoch,
                };
                let record = TemporaryRecord {
                    epoch,
                    sealed_hash: keys.seal_hash(context, &hash).unwrap(),
                    expires,
                };
                let issuance = aikagi_ttl::Settings::new(self.redis.url(RedisUser::Issuance));
                let issuance = TtlStore::connect(&issuance).unwrap();
                let written = issuance
                    .temporary_passwords()
                    .put(&account, &record, now)
                    .await;
                assert!(written.unwrap());
                (None, Some(expires))
            }
        };
        sqlx::query(
            "UPDATE credentials
             SET kind = $2, epoch = $3, failures = 0, killed_time = NULL, temporary_expires_time = $4,
                 permanent_hash = coalesce($5, permanent_hash),
                 hash_epoch = CASE WHEN $5 IS NULL THEN hash_epoch ELSE $3 END,
                 changed_time = CASE WHEN $5 IS NULL THEN changed_time ELSE $6 END
             WHERE number = $1",
        )
        .bind(account.as_str())
        .bind(kind.as_str())
        .bind(epoch.0)
        .bind(expires_time)
        .bind(permanent_hash)
        .bind(now)
        .execute(&self.ledger)
        .await
        .unwrap();
        epoch
    }

    /// The sealed hash of an account's last permanent password, and its epoch. `None` if there is none.
    pub(super) async fn stored_hash(&self, account: &str) -> Option<(Vec<u8>, Epoch)> {
        let (hash, epoch): (Option<Vec<u8>>, Option<i64>) =
            sqlx::query_as("SELECT permanent_hash, hash_epoch FROM credentials WHERE number = $1")
                .bind(account)
                .fetch_one(&self.ledger)
                .await
                .unwrap();
        hash.zip(epoch.map(Epoch))
    }

    /// Charges one attempt, whatever the number's line is.
    pub(super) async fn charge(&self, account: &str) -> Option<Charged> {
        self.try_charge(account, None).await.unwrap()
    }

    pub(super) async fn try_charge(
        &self,
        account: &str,
        line_id: Option<i64>,
    ) -> Result<Option<Charged>, LedgerError> {
        let account = number(account);
        let charge = Charge::of(&account, line_id);
        let rules = CredentialRules::default();
        self.store().charge(&charge, &rules, self.now()).await
    }

    /// The counts of an account in the ledger.
    pub(super) async fn counts(&self, account: &str) -> Counts {
        sqlx::query_as(
            "SELECT failures, wrong_attempts, reset_round, killed_time, last_login_time
             FROM credentials WHERE number = $1",
        )
        .bind(account)
        .fetch_one(&self.ledger)
        .await
        .unwrap()
    }

    /// The id of a number's line.
    pub(super) async fn line_id(&self, account: &str) -> i64 {
        sqlx::query_scalar("SELECT line_id FROM numbers WHERE number = $1")
            .bind(account)
            .fetch_one(&self.ledger)
            .await
            .unwrap()
    }

    /// All audit events, in their order.
    pub(super) async fn events(&self) -> Vec<Event> {
        sqlx::query_as(
            "SELECT actor, action, number, outcome, reason FROM audit_events ORDER BY event_id",
        )
        .fetch_all(&self.ledger)
        .await
        .unwrap()
    }

    /// The charges of decoys (LOGIN-5).
    pub(super) async fn decoy_charges(&self) -> i64 {
        sqlx::query_scalar("SELECT sum(wrong_attempts)::bigint FROM decoy_credentials")
            .fetch_one(&self.ledger)
            .await
            .unwrap()
    }

    /// The charges of each decoy that was ever charged, in ascending order (LOGIN-5).
    pub(super) async fn decoys_in_use(&self) -> Vec<i64> {
        sqlx::query_scalar("SELECT wrong_attempts::bigint FROM decoy_credentials WHERE wrong_attempts > 0 ORDER BY 1")
            .fetch_all(&self.ledger)
            .await
            .unwrap()
    }

    pub(super) async fn login(
        &self,
        account: &str,
        password: &str,
    ) -> Result<LoginResponse, Failure> {
        let request = LoginRequest {
            number: account.to_owned(),
            password: password.to_owned(),
            device_class: 0,
        };
        login::login(&self.service, request).await
    }

    pub(super) async fn verify(
        &self,
        token: &str,
        account: &str,
        password: &str,
    ) -> Result<VerifyPasswordResponse, Failure> {
        let request = VerifyPasswordRequest {
            session_token: token.to_owned(),
            number: account.to_owned(),
            password: password.to_owned(),
        };
        verify_password::verify_password(&self.service, request).await
    }
}

/// The reason of a refusal.
pub(super) fn reason<T: std::fmt::Debug>(result: Result<T, Failure>) -> ErrorReason {
    match result.unwrap_err() {
        Failure::Refused(refusal) => refusal.reason(),
        Failure::Fault(fault) => panic!("expected a refusal, got a fault: {fault}"),
    }
}
