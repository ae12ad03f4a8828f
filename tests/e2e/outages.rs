//! Bad luck: stores and services that go away, hang, or come back with what was (INV-3, INV-6).

mod redis;

use std::time::Duration;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{LoginRequest, LoginResponse};
use aikagi_api::units::v1::AuthUnit;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::postgres::{self, Cluster, SUPERUSER};
use aikagi_tests::world::{
    CONTRACT, FIRST, NOBODY, OTHER_PERMANENT, OTHER_TEMPORARY, Options, PERMANENT, SECOND,
    TEMPORARY, World, reason, refused,
};
use tonic::{Request, Status};
use tonic_types::StatusExt;

/// The deadline of a call in these tests. A store that is away or hangs is told long before.
const DEADLINE: Duration = Duration::from_secs(8);

/// A login at authentication itself: at the edge no attempt can be counted without Redis (LOGIN-8).
async fn login(world: &World, number: &str, password: &str) -> Result<LoginResponse, Status> {
    let channel = world.replica_as(Service::Authentication, 0, "gateway");
    let mut request = Request::new(LoginRequest {
        number: number.to_owned(),
        password: password.to_owned(),
    });
    request.set_timeout(DEADLINE);
    let answer = AuthenticationServiceClient::new(channel)
        .login(request)
        .await?;
    Ok(answer.into_inner())
}

/// Failures counted, and whether the password is dead.
async fn count(world: &World, number: &str) -> (i32, bool) {
    sqlx::query_as("SELECT failures, killed_time IS NOT NULL FROM credentials WHERE number = $1")
        .bind(number)
        .fetch_one(&world.ledger().await)
        .await
        .unwrap()
}

/// UNAVAILABLE, with the word when to try again (OPS-4).
#[track_caller]
fn away<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let status = answer.expect_err("refused");
    assert_eq!(
        (status.code(), reason(&status)),
        (tonic::Code::Unavailable, "UNAVAILABLE")
    );
    let retry = status
        .get_details_retry_info()
        .expect("RetryInfo")
        .retry_delay;
    assert!(retry.is_some_and(|delay| !delay.is_zero()), "{retry:?}");
}

/// Tries until it works: connections that a store cut are found out one by one.
async fn eventually<T>(mut attempt: impl AsyncFnMut() -> Result<T, Status>) -> T {
    for _ in 0..200 {
        match attempt().await {
            Ok(done) => return done,
            Err(status) => assert_eq!(reason(&status), "UNAVAILABLE", "{status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came back");
}

/// INV-6: without PostgreSQL no attempt can be charged, so no password is looked at: right, wrong and unknown are
/// all told UNAVAILABLE, and nobody gets an uncounted guess; everything works again when it is back.
/// INV-4: what was acknowledged before is there afterwards.
#[tokio::test]
async fn without_postgresql_nobody_gets_an_uncounted_guess() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(dir.path(), postgres::Options::default()).unwrap();
    let postgres = Some(cluster.url("postgres", SUPERUSER));
    let world = World::with(Options {
        postgres,
        ..Options::default()
    })
    .await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    world.telephone(CONTRACT, "2", SECOND, TEMPORARY).await;
    let session = world.site().login(FIRST, PERMANENT).await.unwrap();
    refused(world.site().login(FIRST, OTHER_PERMANENT).await);
    let hashes = world.hashes();

    cluster.stop();
    for (number, password) in [
        (FIRST, PERMANENT),
        (FIRST, OTHER_PERMANENT),
        (SECOND, TEMPORARY),
        (SECOND, "00000000"),
        (NOBODY, PERMANENT),
    ] {
        away(world.site().login(number, password).await);
    }
    away(session.session().await);
    away(session.change(PERMANENT, OTHER_PERMANENT).await);
    away(world.backend().check_access(&session.token, FIRST).await);
    away(world.ivr().dial(CONTRACT).await);
    away(
        world
            .ivr()
            .set(CONTRACT, AuthUnit::Number, FIRST, TEMPORARY)
            .await,
    );
    away(world.operator().line(CONTRACT).await);
    assert_eq!(world.hashes(), hashes, "no password was looked at");

    cluster.restart().unwrap();
    eventually(async || session.session().await).await;
    eventually(async || world.operator().line(CONTRACT).await).await;
    assert_eq!(count(&world, FIRST).await, (1, false));
    eventually(async || world.site().login(FIRST, PERMANENT).await).await;
    eventually(async || world.site().login(SECOND, TEMPORARY).await).await;
    eventually(async || {
        world
            .ivr()
            .set(CONTRACT, AuthUnit::Number, SECOND, OTHER_TEMPORARY)
            .await
    })
    .await;
    world.site().login(SECOND, OTHER_TEMPORARY).await.unwrap();
}

/// INV-6: an attempt that was charged and could not be settled stays charged, be the password right or wrong:
/// trouble in between costs attempts and never gives one.
#[tokio::test]
async fn trouble_between_charge_and_settlement_gives_no_attempt() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    sqlx::query("ALTER TABLE audit_events ADD CONSTRAINT trouble CHECK (action NOT IN ('LOGIN', 'VERIFY_PASSWORD')) NOT VALID")
        .execute(&world.ledger().await)
        .await
        .unwrap();
    let verified = || world.authentication[0].pool().counts().verified;
    let before = verified();
    for attempt in 0..30 {
        let password = if attempt % 2 == 0 {
            OTHER_PERMANENT
        } else {
            PERMANENT
        };
        assert_eq!(
            refused(world.site().login(CONTRACT, password).await),
            "INTERNAL"
        );
    }
    assert_eq!(verified() - before, 10);
    sqlx::query("ALTER TABLE audit_events DROP CONSTRAINT trouble")
        .execute(&world.ledger().await)
        .await
        .unwrap();
    assert_eq!(count(&world, CONTRACT).await.0, 10);
    assert_eq!(
        refused(world.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// OPS-4: with authentication away the gateway and password say so, with the word when to try again.
#[tokio::test]
async fn without_authentication_the_edge_says_so() {
    let world = World::with(Options {
        adjust: |service, table| {
            if matches!(service, Service::Gateway) {
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
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    let site = world.site();
    away(site.login(CONTRACT, TEMPORARY).await);
    assert_eq!(count(&world, CONTRACT).await, (0, false));
    let opened = login(&world, CONTRACT, TEMPORARY).await.unwrap();
    let session = site.with_token(&opened.session_token, opened.session.clone().unwrap());
    away(session.session().await);
    away(session.logout().await);
    away(world.backend().check_access(&session.token, FIRST).await);
    away(world.operator().end_sessions(CONTRACT).await);
}
