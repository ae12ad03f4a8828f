//! Bad luck: stores and services that go away, hang, or come back with what was (INV-3, INV-6).

use std::time::Duration;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{LoginRequest, LoginResponse};
use aikagi_api::issuance::v1::{CallOutcome, CallStep};
use aikagi_api::units::v1::{AuthUnit, CredentialKind};
use aikagi_devkit::postgres::{self, Cluster, SUPERUSER};
use aikagi_devkit::settings::Service;
use aikagi_tests::edge::{Asked, asked};
use aikagi_tests::world::{
    CONTRACT, FIRST, NOBODY, OTHER_PERMANENT, OTHER_TEMPORARY, Options, PERMANENT, SECOND,
    TEMPORARY, World, reason, refused,
};
use tonic::{Request, Status};
use tonic_types::StatusExt;

use super::sessions::{dump, restore};

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

/// What holds of a permanent password while Redis is away.
async fn guarded_without_redis(world: &World) {
    for attempt in 1..=9 {
        assert_eq!(
            refused(login(world, CONTRACT, OTHER_PERMANENT).await),
            "LOGIN_REFUSED"
        );
        assert_eq!(count(world, CONTRACT).await, (attempt, false));
    }
    // It is right, but no session can be kept.
    away(login(world, CONTRACT, PERMANENT).await);
    assert_eq!(
        count(world, CONTRACT).await,
        (0, false),
        "a right one is not charged"
    );
    for _ in 0..10 {
        assert_eq!(
            refused(login(world, CONTRACT, OTHER_PERMANENT).await),
            "LOGIN_REFUSED"
        );
    }
    assert_eq!(count(world, CONTRACT).await, (10, true));
    assert_eq!(
        refused(login(world, CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// INV-3: with Redis dead a permanent password is guarded as ever: wrong ones are refused and counted, the tenth
/// kills; a right one is told that the service is away, and costs nothing.
/// LOGIN-2: the limit holds without the cache, and the way back works as soon as it is there again.
/// LOGIN-8: at the edge, where no attempt can be counted, nobody may try, and nothing is charged.
#[tokio::test]
async fn a_permanent_password_is_guarded_without_redis() {
    let mut world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    world.redis.kill9();
    away(world.site().login(CONTRACT, OTHER_PERMANENT).await);
    assert_eq!(count(&world, CONTRACT).await, (0, false));
    guarded_without_redis(&world).await;
    world.redis.restart().unwrap();
    eventually(
        async || match world.site().login(CONTRACT, PERMANENT).await {
            Err(status) if reason(&status) == "LOGIN_REFUSED" => Ok(()),
            other => other.map(|_| panic!("a dead password opened a session")),
        },
    )
    .await;
    let outcome = eventually(async || {
        world
            .ivr()
            .set(CONTRACT, AuthUnit::Line, "", TEMPORARY)
            .await
    })
    .await;
    assert_eq!(outcome.account_number, CONTRACT);
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// INV-3: the same while Redis hangs: connections stand and nothing is answered.
/// INV-11: what hangs is given up well within the call's deadline.
#[tokio::test]
async fn a_permanent_password_is_guarded_while_redis_hangs() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    world.redis.freeze();
    guarded_without_redis(&world).await;
    away(session.session().await);
    away(world.backend().check_access(&session.token, FIRST).await);
    away(session.logout().await);
    away(world.ivr().dial(CONTRACT).await);
    world.redis.thaw();
    // Guesses made elsewhere ended no session (SESS-2), and nor did the outage.
    eventually(async || session.session().await).await;
}

/// INV-3: with Redis gone a temporary password cannot be looked up: the login is told so and not charged, for it
/// was a fault of ours (LOGIN-4); sessions cannot be checked; all of it works again when Redis answers again.
#[tokio::test]
async fn what_needs_redis_is_unavailable_and_costs_nothing() {
    let world = World::start().await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    world.telephone(CONTRACT, "2", SECOND, TEMPORARY).await;
    let session = world.site().login(FIRST, PERMANENT).await.unwrap();
    refused(login(&world, SECOND, "00000000").await);
    let hashes = world.hashes();

    world.redis.freeze();
    for _ in 0..4 {
        away(login(&world, SECOND, TEMPORARY).await);
        away(login(&world, SECOND, "00000000").await);
    }
    assert_eq!(count(&world, SECOND).await, (1, false));
    assert_eq!(world.hashes(), hashes);
    away(session.session().await);
    away(session.peek().await);
    away(session.change(PERMANENT, OTHER_PERMANENT).await);

    world.redis.thaw();
    eventually(async || session.session().await).await;
    eventually(async || login(&world, SECOND, TEMPORARY).await).await;
    assert_eq!(count(&world, SECOND).await, (0, false));
    session
        .change(PERMANENT, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
}

/// INV-3: when Redis comes back empty, at worst people dial or log in again: sessions have ended, temporary
/// passwords and calls in progress are gone, counts and permanent passwords are as they were.
#[tokio::test]
async fn after_the_loss_of_redis_people_dial_or_log_in_again() {
    let mut world = World::start().await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    world.telephone(CONTRACT, "2", SECOND, TEMPORARY).await;
    let session = world.site().login(FIRST, PERMANENT).await.unwrap();
    refused(world.site().login(FIRST, OTHER_PERMANENT).await);
    let (mut call, _) = world.ivr().dial(CONTRACT).await.unwrap();
    world.redis.kill9();
    world.redis.restart().unwrap();

    let gone = eventually(async || match session.session().await {
        Err(status) if reason(&status) != "UNAVAILABLE" => Ok(reason(&status)),
        other => other.map(|_| "still there"),
    })
    .await;
    assert_eq!(gone, "SESSION_ENDED");
    let gone = eventually(async || match call.keys("2").await {
        Err(status) if reason(&status) != "UNAVAILABLE" => Ok(reason(&status)),
        other => other.map(|_| "still there"),
    })
    .await;
    assert_eq!(gone, "CALL_UNKNOWN");
    let gone = eventually(async || match world.site().login(SECOND, TEMPORARY).await {
        Err(status) if reason(&status) != "UNAVAILABLE" => Ok(reason(&status)),
        other => other.map(|_| "still there"),
    })
    .await;
    assert_eq!(gone, "LOGIN_REFUSED");
    assert_eq!(count(&world, FIRST).await, (1, false));
    world.site().login(FIRST, PERMANENT).await.unwrap();
    world
        .telephone(CONTRACT, "2", SECOND, OTHER_TEMPORARY)
        .await;
    world.site().login(SECOND, OTHER_TEMPORARY).await.unwrap();
}

/// IVR-10, INV-3: a setting for which Redis is away fails, and is closed, never open: the caller hears that it did
/// not work, the old password is retired all the same, and the new one does not work.
/// IVR-12: a turn that found Redis away counts for nothing and can be sent again.
#[tokio::test]
async fn a_setting_without_redis_is_closed_never_open() {
    let world = World::start().await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let (mut call, _) = world.ivr().dial(CONTRACT).await.unwrap();
    call.keys("2").await.unwrap();
    call.keys(&format!("{SECOND}#")).await.unwrap();
    call.keys(TEMPORARY).await.unwrap();

    world.redis.freeze();
    away(world.ivr().dial(CONTRACT).await);
    away(call.keys(TEMPORARY).await);
    let kind = async |number| {
        world
            .operator()
            .number(number)
            .await
            .unwrap()
            .credential_kind()
    };
    assert_eq!(
        kind(SECOND).await,
        CredentialKind::None,
        "the turn did nothing"
    );
    away(
        world
            .ivr()
            .set(CONTRACT, AuthUnit::Number, FIRST, TEMPORARY)
            .await,
    );
    world.redis.thaw();

    let answer = eventually(async || call.keys(TEMPORARY).await).await;
    assert_eq!(asked(&answer), Asked::Ended(CallOutcome::Set));
    world.site().login(SECOND, TEMPORARY).await.unwrap();
    assert_eq!(kind(FIRST).await, CredentialKind::Temporary);
    assert_eq!(
        refused(world.site().login(FIRST, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    world.telephone(CONTRACT, "2", FIRST, OTHER_TEMPORARY).await;
    world.site().login(FIRST, OTHER_TEMPORARY).await.unwrap();
}

/// INV-3: what a stale replica of Redis brings back is dead: sessions from before a change, temporary passwords
/// that were used, killed or replaced, and calls that have gone on.
/// INV-1: everything in Redis is fenced by the ledger's epoch.
#[tokio::test]
async fn a_stale_replica_of_redis_revives_nothing() {
    let world = World::start().await;
    world.telephone(CONTRACT, "2", FIRST, TEMPORARY).await;
    world
        .telephone(CONTRACT, "2", SECOND, OTHER_TEMPORARY)
        .await;
    let forced = world.site().login(FIRST, TEMPORARY).await.unwrap();
    let (mut call, _) = world.ivr().dial(CONTRACT).await.unwrap();
    let answer = call.keys("2").await.unwrap();
    assert_eq!(asked(&answer), Asked::Step(CallStep::Target));
    let stale = dump(&world).await;

    // The first is used, the second killed, the call goes on and is over.
    let changed = forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    for _ in 0..3 {
        refused(world.site().login(SECOND, "00000000").await);
    }
    call.keys("999").await.unwrap();
    call.hang_up().await.unwrap();

    restore(&world, stale).await;
    let forced_again = eventually(async || match forced.session().await {
        Err(status) if reason(&status) != "UNAVAILABLE" => Ok(reason(&status)),
        other => other.map(|_| "revived"),
    });
    assert_eq!(forced_again.await, "SESSION_ENDED");
    assert_eq!(
        refused(changed.session().await),
        "SESSION_ENDED",
        "lost with the failover"
    );
    assert_eq!(
        refused(world.site().login(FIRST, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
    assert_eq!(
        refused(world.site().login(SECOND, OTHER_TEMPORARY).await),
        "LOGIN_REFUSED"
    );
    assert_eq!(count(&world, SECOND).await, (3, true));
    // The platform's next turn is not the one that the stale call waits for.
    assert_eq!(refused(call.keys("1").await), "CALL_OUT_OF_ORDER");
    world.site().login(FIRST, PERMANENT).await.unwrap();
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
