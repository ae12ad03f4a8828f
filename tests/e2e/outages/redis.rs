//! Redis that is gone, hangs, comes back empty or with what was (INV-3).

use aikagi_api::issuance::v1::{CallOutcome, CallStep};
use aikagi_api::units::v1::{AuthUnit, CredentialKind};
use aikagi_tests::edge::{Asked, asked};
use aikagi_tests::world::{
    CONTRACT, FIRST, OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, SECOND, TEMPORARY, World, reason,
    refused,
};

use super::{away, count, eventually, login};
use crate::sessions::{dump, restore};

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
    eventually(async || world.site().login(CONTRACT, TEMPORARY).await).await;
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

/// LOGIN-4: nor does an attempt that could not be looked up help to kill: when wrong ones have come to the limit with it
/// at another replica, the password is alive again once its charge is given back.
#[tokio::test]
async fn what_is_given_back_has_killed_nobody() {
    let world = World::start().await;
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    world.telephone(CONTRACT, "2", SECOND, TEMPORARY).await;
    let ledger = world.ledger().await;
    world.redis.freeze();
    let others_meanwhile = async {
        let settled = "UPDATE credentials SET failures = 3, wrong_attempts = 3, killed_time = now() \
                       WHERE number = $1 AND failures = 1";
        let settle = async || sqlx::query(settled).bind(SECOND).execute(&ledger).await;
        while settle().await.unwrap().rows_affected() == 0 {}
    };
    let (login_away, ()) = tokio::join!(login(&world, SECOND, TEMPORARY), others_meanwhile);
    away(login_away);
    assert_eq!(count(&world, SECOND).await, (2, false));

    world.redis.thaw();
    eventually(async || login(&world, SECOND, TEMPORARY).await).await;
    assert_eq!(count(&world, SECOND).await, (0, false));
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
    eventually(async || world.site().login(SECOND, TEMPORARY).await).await;
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
