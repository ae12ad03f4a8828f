//! Attempts whose account changes before they end.

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{LoginRequest, VerifyPasswordRequest};
use aikagi_client::reason;
use aikagi_client::samples::{CONTRACT, OTHER_PERMANENT, PERMANENT};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::InProcessSystem;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic_types::StatusExt;

/// Logs in directly at authentication. The edge first counts each attempt in Redis (LOGIN-8), so a login through it
/// would wait while a test pauses writes to Redis.
async fn login(system: &InProcessSystem, password: &str) -> Result<(), Status> {
    let channel = system.replica_as(Service::Authentication, 0, "gateway");
    let request = LoginRequest {
        number: CONTRACT.to_owned(),
        password: password.to_owned(),
        device_class: 0,
    };
    let mut client = AuthenticationServiceClient::new(channel);
    client.login(request).await.map(|_| ())
}

async fn redis(system: &InProcessSystem, command: &[&str]) {
    let mut connection = system.redis_connection().await;
    let mut client = redis::cmd("CLIENT");
    client.arg(command);
    client.query_async::<()>(&mut connection).await.unwrap();
}

/// LOGIN-5, SESS-2: the password is right, but the account is voided before the session opens. The refusal is the same as any
/// other and does not reveal that the password was right.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_before_it_begins_is_a_refusal() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let wrong = login(&system, OTHER_PERMANENT).await.unwrap_err();
    let ledger = system.ledger().await;
    let settled = "SELECT count(*) FROM audit_events WHERE action = 'LOGIN' AND outcome = 'DONE'";
    let settled = || sqlx::query_scalar::<_, i64>(settled).fetch_one(&ledger);
    let before = settled().await.unwrap();

    redis(&system, &["PAUSE", "10000", "WRITE"]).await;
    let (overtaken, ()) = tokio::join!(login(&system, PERMANENT), async {
        while settled().await.unwrap() == before {}
        system.operator().reset_unit(CONTRACT).await.unwrap();
        redis(&system, &["UNPAUSE"]).await;
    });
    let overtaken = overtaken.unwrap_err();
    assert_eq!(reason(&overtaken), "LOGIN_REFUSED");
    assert_eq!(overtaken.message(), wrong.message());
    assert_eq!(overtaken.details(), wrong.details());
}

/// LOGIN-4, OPS-4: if a change locks the account for longer than a login waits, the login can be retried and is not charged.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_waits_too_long_is_not_charged() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let ledger = system.ledger().await;
    let mut holding = ledger.begin().await.unwrap();
    sqlx::query("SELECT FROM credentials WHERE number = $1 FOR UPDATE")
        .bind(CONTRACT)
        .execute(&mut *holding)
        .await
        .unwrap();
    let status = login(&system, PERMANENT).await.unwrap_err();
    assert_eq!(reason(&status), "UNAVAILABLE");
    assert!(status.get_details_retry_info().is_some());
    holding.commit().await.unwrap();
    let account = system.operator().number(CONTRACT).await.unwrap();
    assert_eq!(account.failures, 0);
    login(&system, PERMANENT).await.unwrap();
}

/// Verifies a right password on behalf of another service.
fn verify(system: &InProcessSystem, token: &str) -> JoinHandle<Result<(), Status>> {
    let channel = system.replica_as(Service::Authentication, 0, "units");
    let request = VerifyPasswordRequest {
        session_token: token.to_owned(),
        number: CONTRACT.to_owned(),
        password: PERMANENT.to_owned(),
    };
    let mut client = AuthenticationServiceClient::new(channel);
    tokio::spawn(async move { client.verify_password(request).await.map(|_| ()) })
}

/// LOGIN-6, MIG-4: the account changes after a right password was compared and before the attempt
/// is settled. The attempt then proves nothing. The audit trail records it as refused (OPS-3).
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes_meanwhile_proves_nothing() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let ledger = system.ledger().await;

    let mut attempt = verify(&system, &session.token);
    let change = loop {
        let mut change = ledger.begin().await.unwrap();
        // The attempt is charged and not refunded yet.
        let statement =
            "UPDATE credentials SET epoch = epoch + 1000000, hash_epoch = epoch + 1000000
                         WHERE number = $1 AND failures = 1";
        let changed = sqlx::query(statement).bind(CONTRACT);
        if changed.execute(&mut *change).await.unwrap().rows_affected() == 1 {
            break change;
        }
        change.rollback().await.unwrap();
        if attempt.is_finished() {
            attempt.await.unwrap().unwrap();
            attempt = verify(&system, &session.token);
        }
    };
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND usename = 'aikagi_authentication' AND wait_event_type = 'Lock'";
    let waiting = || sqlx::query_scalar::<_, i64>(waiting).fetch_one(&ledger);
    while waiting().await.unwrap() == 0 {}
    change.commit().await.unwrap();

    let overtaken = attempt.await.unwrap().unwrap_err();
    assert_eq!(reason(&overtaken), "CHANGED_MEANWHILE");
    let last = "SELECT outcome, reason FROM audit_events WHERE action = 'VERIFY_PASSWORD' ORDER BY event_id DESC LIMIT 1";
    let last: (String, String) = sqlx::query_as(last).fetch_one(&ledger).await.unwrap();
    assert_eq!(last, ("REFUSED".to_owned(), "SUPERSEDED".to_owned()));
}
