//! Outages of stores and services that stop, hang, or come back with old data (INV-3, INV-6).

mod redis;

use std::time::Duration;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{LoginRequest, LoginResponse};
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::samples::{
    CONTRACT, FIRST, NOBODY, OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, SECOND, TEMPORARY,
};
use aikagi_client::{reason, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::postgres::{self, Cluster, SUPERUSER};
use aikagi_e2e::in_process::{InProcessSystem, Options};
use tonic::{Request, Status};
use tonic_types::StatusExt;

/// The deadline of an RPC in these tests. If a store is down or hangs, an RPC fails long before the
/// deadline.
const DEADLINE: Duration = Duration::from_secs(8);

/// Logs in directly at authentication, because the edge cannot count attempts without Redis (LOGIN-8).
async fn login(
    system: &InProcessSystem,
    number: &str,
    password: &str,
) -> Result<LoginResponse, Status> {
    let channel = system.replica_as(Service::Authentication, 0, "gateway");
    let mut request = Request::new(LoginRequest {
        number: number.to_owned(),
        password: password.to_owned(),
        device_class: 0,
    });
    request.set_timeout(DEADLINE);
    let answer = AuthenticationServiceClient::new(channel)
        .login(request)
        .await?;
    Ok(answer.into_inner())
}

/// The count of failures, and whether the password is killed.
async fn count(system: &InProcessSystem, number: &str) -> (i32, bool) {
    sqlx::query_as("SELECT failures, killed_time IS NOT NULL FROM credentials WHERE number = $1")
        .bind(number)
        .fetch_one(&system.ledger().await)
        .await
        .unwrap()
}

/// Checks that an RPC was refused with UNAVAILABLE, and that the refusal says when to retry (OPS-4).
#[track_caller]
fn unavailable<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let status = answer.expect_err("the RPC is refused");
    assert_eq!(
        (status.code(), reason(&status)),
        (tonic::Code::Unavailable, "UNAVAILABLE")
    );
    let retry = status
        .get_details_retry_info()
        .expect("the status has a RetryInfo")
        .retry_delay;
    assert!(retry.is_some_and(|delay| !delay.is_zero()), "{retry:?}");
}

/// Retries until the attempt succeeds, because a service notices its closed connections one by one.
async fn eventually<T>(mut attempt: impl AsyncFnMut() -> Result<T, Status>) -> T {
    for _ in 0..200 {
        match attempt().await {
            Ok(done) => return done,
            Err(status) => assert_eq!(reason(&status), "UNAVAILABLE", "{status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no attempt succeeded");
}

/// INV-6: without PostgreSQL no attempt can be charged, so no password is compared. Logins with a
/// right password, a wrong one or an unknown number are all refused with UNAVAILABLE. Everything
/// works again when PostgreSQL responds.
/// INV-4: everything acknowledged before the outage still exists.
#[tokio::test]
async fn without_postgresql_nobody_gets_an_uncounted_guess() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(dir.path(), postgres::Options::default()).unwrap();
    let postgres = Some(cluster.url("postgres", SUPERUSER));
    let system = InProcessSystem::with(Options {
        postgres,
        ..Options::default()
    })
    .await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system
        .set_by_telephone(CONTRACT, "2", SECOND, TEMPORARY)
        .await;
    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    refused(system.site().login(FIRST, OTHER_PERMANENT).await);
    let hashes = system.hashes();

    cluster.stop();
    for (number, password) in [
        (FIRST, PERMANENT),
        (FIRST, OTHER_PERMANENT),
        (SECOND, TEMPORARY),
        (SECOND, "00000000"),
        (NOBODY, PERMANENT),
    ] {
        unavailable(system.site().login(number, password).await);
    }
    unavailable(session.session().await);
    unavailable(session.change(PERMANENT, OTHER_PERMANENT).await);
    unavailable(system.backend().check_access(&session.token, FIRST).await);
    unavailable(system.ivr().dial(CONTRACT).await);
    unavailable(
        system
            .ivr()
            .set(CONTRACT, AuthUnit::Number, FIRST, TEMPORARY)
            .await,
    );
    unavailable(system.operator().line(CONTRACT).await);
    assert_eq!(system.hashes(), hashes, "a password was compared");

    cluster.restart().unwrap();
    eventually(async || session.session().await).await;
    eventually(async || system.operator().line(CONTRACT).await).await;
    assert_eq!(count(&system, FIRST).await, (1, false));
    eventually(async || system.site().login(FIRST, PERMANENT).await).await;
    eventually(async || system.site().login(SECOND, TEMPORARY).await).await;
    eventually(async || {
        system
            .ivr()
            .set(CONTRACT, AuthUnit::Number, SECOND, OTHER_TEMPORARY)
            .await
    })
    .await;
    system.site().login(SECOND, OTHER_TEMPORARY).await.unwrap();
}

/// INV-6, LOGIN-4: an attempt that cannot be settled stays charged if the password was wrong, and
/// is refunded if the password was right. A fault between charge and settlement never gives an
/// additional attempt.
#[tokio::test]
async fn a_fault_between_charge_and_settlement_gives_no_attempt() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    sqlx::query("ALTER TABLE audit_events ADD CONSTRAINT trouble CHECK (action NOT IN ('LOGIN', 'VERIFY_PASSWORD')) NOT VALID")
        .execute(&system.ledger().await)
        .await
        .unwrap();
    let verified = || system.authentication[0].pool().counts().verified;
    let before = verified();
    for attempt in 0..30 {
        let password = if attempt % 2 == 0 {
            OTHER_PERMANENT
        } else {
            PERMANENT
        };
        assert_eq!(
            refused(system.site().login(CONTRACT, password).await),
            "INTERNAL"
        );
    }
    // LOGIN-4: ten wrong passwords and the nine right ones between them were compared. The right
    // ones do not stay charged.
    assert_eq!(verified() - before, 19);
    sqlx::query("ALTER TABLE audit_events DROP CONSTRAINT trouble")
        .execute(&system.ledger().await)
        .await
        .unwrap();
    assert_eq!(count(&system, CONTRACT).await.0, 10);
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// OPS-4: if authentication is down, every RPC that needs it is refused with UNAVAILABLE. The refusal says when to retry.
#[tokio::test]
async fn without_authentication_the_edge_says_so() {
    let system = InProcessSystem::with(Options {
        adjust: |service, table| {
            let callers = [
                Service::Edge,
                Service::Gateway,
                Service::Password,
                Service::Units,
            ];
            if callers.contains(&service) {
                let nobody = toml::Value::from(vec!["127.0.0.1:1"]);
                table["upstreams"]
                    .as_table_mut()
                    .unwrap()
                    .insert("authentication".into(), nobody);
            }
        },
        ..Options::default()
    })
    .await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    let site = system.site();
    unavailable(site.login(CONTRACT, TEMPORARY).await);
    assert_eq!(count(&system, CONTRACT).await, (0, false));
    let opened = login(&system, CONTRACT, TEMPORARY).await.unwrap();
    let session = site.with_token(&opened.session_token, opened.session.clone().unwrap());
    unavailable(session.session().await);
    unavailable(session.change(TEMPORARY, PERMANENT).await);
    unavailable(session.preview(AuthUnit::Number).await);
    let passwords = [(CONTRACT, TEMPORARY)];
    let revision = &session.session.revision;
    let migrated = session.migrate_with(AuthUnit::Number, &passwords, revision);
    unavailable(migrated.await);
    unavailable(session.logout().await);
    unavailable(system.backend().check_access(&session.token, FIRST).await);
    unavailable(system.operator().end_sessions(CONTRACT).await);
}
