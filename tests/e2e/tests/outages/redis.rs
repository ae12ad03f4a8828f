//! Redis that is down, hangs, or comes back without data or with old data (INV-3).

use aikagi_api::issuance::v1::{CallOutcome, CallStep};
use aikagi_api::units::v1::{AuthUnit, CredentialKind};
use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, SECOND, TEMPORARY,
};
use aikagi_client::{Asked, asked, reason, refused};
use aikagi_e2e::in_process::InProcessSystem;

use super::{count, eventually, login, unavailable};
use crate::sessions::{dump, restore};

/// Checks that authentication refuses every login while Redis does not respond. The response does not
/// depend on the number or the password (LOGIN-5), and nothing is charged (LOGIN-4).
async fn unavailable_without_redis(system: &InProcessSystem) {
    for _ in 0..4 {
        for number in [CONTRACT, FIRST, "0399999999"] {
            for password in [PERMANENT, OTHER_PERMANENT] {
                unavailable(login(system, number, password).await);
            }
        }
    }
    assert_eq!(count(system, CONTRACT).await, (0, false));
}

/// INV-3, LOGIN-5: while Redis is down, every login is refused with UNAVAILABLE, and nothing is
/// charged. A temporary password by telephone works as soon as Redis responds again.
/// LOGIN-8: at the edge, a login is refused before it reaches authentication, because the edge
/// cannot count the attempts of an address.
#[tokio::test]
async fn every_login_is_unavailable_without_redis() {
    let mut system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    system.redis.kill9();
    unavailable(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    assert_eq!(count(&system, CONTRACT).await, (0, false));
    unavailable_without_redis(&system).await;
    system.redis.restart().unwrap();
    eventually(async || system.site().login(CONTRACT, PERMANENT).await).await;
    let outcome = eventually(async || {
        system
            .ivr()
            .set(CONTRACT, AuthUnit::Line, "", TEMPORARY)
            .await
    })
    .await;
    assert_eq!(outcome.account_number, CONTRACT);
    eventually(async || system.site().login(CONTRACT, TEMPORARY).await).await;
}

/// INV-3, LOGIN-5: the same holds while Redis hangs: connections are open, but no command gets a response.
/// INV-11: a service abandons a hanging command well before the deadline of the RPC.
#[tokio::test]
async fn every_login_is_unavailable_while_redis_hangs() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    system.redis.freeze();
    unavailable_without_redis(&system).await;
    unavailable(session.session().await);
    unavailable(system.backend().check_access(&session.token, FIRST).await);
    unavailable(session.logout().await);
    unavailable(system.ivr().dial(CONTRACT).await);
    system.redis.thaw();
    // Neither attempts from elsewhere (SESS-2) nor the outage ended the session.
    eventually(async || session.session().await).await;
}

/// INV-3: while Redis is down, a temporary password cannot be looked up. The login is refused with
/// UNAVAILABLE and not charged, because the fault is ours (LOGIN-4). Sessions cannot be checked.
/// Everything works again when Redis responds.
#[tokio::test]
async fn what_needs_redis_is_unavailable_and_costs_nothing() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system
        .set_by_telephone(CONTRACT, "2", SECOND, TEMPORARY)
        .await;
    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    refused(login(&system, SECOND, "00000000").await);
    let hashes = system.hashes();

    system.redis.freeze();
    for _ in 0..4 {
        unavailable(login(&system, SECOND, TEMPORARY).await);
        unavailable(login(&system, SECOND, "00000000").await);
    }
    assert_eq!(count(&system, SECOND).await, (1, false));
    assert_eq!(system.hashes(), hashes);
    unavailable(session.session().await);
    unavailable(session.peek().await);
    unavailable(session.change(PERMANENT, OTHER_PERMANENT).await);

    system.redis.thaw();
    eventually(async || session.session().await).await;
    eventually(async || login(&system, SECOND, TEMPORARY).await).await;
    assert_eq!(count(&system, SECOND).await, (0, false));
    session
        .change(PERMANENT, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
}

/// LOGIN-4: an attempt whose password could not be looked up does not count towards the limit. Its
/// charge may reach the limit together with wrong attempts at another replica. After the refund the
/// password is live again.
#[tokio::test]
async fn a_refunded_attempt_kills_no_password() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system
        .set_by_telephone(CONTRACT, "2", SECOND, TEMPORARY)
        .await;
    let ledger = system.ledger().await;
    system.redis.freeze();
    let other_attempts = async {
        let settled = "UPDATE credentials SET failures = 3, wrong_attempts = 3, killed_time = now() \
                       WHERE number = $1 AND failures = 1";
        let settle = async || sqlx::query(settled).bind(SECOND).execute(&ledger).await;
        while settle().await.unwrap().rows_affected() == 0 {}
    };
    let (without_redis, ()) = tokio::join!(login(&system, SECOND, TEMPORARY), other_attempts);
    unavailable(without_redis);
    assert_eq!(count(&system, SECOND).await, (2, false));

    system.redis.thaw();
    eventually(async || login(&system, SECOND, TEMPORARY).await).await;
    assert_eq!(count(&system, SECOND).await, (0, false));
}

/// INV-3: when Redis comes back without data, subscribers at worst have to call or log in again.
/// Sessions, temporary passwords and calls in progress are lost. Counts and permanent passwords are
/// unchanged.
#[tokio::test]
async fn after_the_loss_of_redis_people_call_or_log_in_again() {
    let mut system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    system
        .set_by_telephone(CONTRACT, "2", SECOND, TEMPORARY)
        .await;
    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    refused(system.site().login(FIRST, OTHER_PERMANENT).await);
    let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
    system.redis.kill9();
    system.redis.restart().unwrap();

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
    let gone = eventually(
        async || match system.site().login(SECOND, TEMPORARY).await {
            Err(status) if reason(&status) != "UNAVAILABLE" => Ok(reason(&status)),
            other => other.map(|_| "still there"),
        },
    )
    .await;
    assert_eq!(gone, "LOGIN_REFUSED");
    assert_eq!(count(&system, FIRST).await, (1, false));
    system.site().login(FIRST, PERMANENT).await.unwrap();
    system
        .set_by_telephone(CONTRACT, "2", SECOND, OTHER_TEMPORARY)
        .await;
    system.site().login(SECOND, OTHER_TEMPORARY).await.unwrap();
}

/// IVR-10, INV-3: setting a temporary password without Redis fails safely. In the one-RPC form
/// (IVR-13) the request fails, the old password is retired, and the new one does not work.
/// IVR-12: a turn that could not reach Redis has no effect and can be sent again.
#[tokio::test]
async fn a_setting_without_redis_fails_safely() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
    call.keys("2").await.unwrap();
    call.keys(&format!("{SECOND}#")).await.unwrap();
    call.keys(TEMPORARY).await.unwrap();

    system.redis.freeze();
    unavailable(system.ivr().dial(CONTRACT).await);
    unavailable(call.keys(TEMPORARY).await);
    let kind = async |number| {
        system
            .operator()
            .number(number)
            .await
            .unwrap()
            .credential_kind()
    };
    assert_eq!(
        kind(SECOND).await,
        CredentialKind::None,
        "the failed turn set a password"
    );
    unavailable(
        system
            .ivr()
            .set(CONTRACT, AuthUnit::Number, FIRST, TEMPORARY)
            .await,
    );
    system.redis.thaw();

    let answer = eventually(async || call.keys(TEMPORARY).await).await;
    assert_eq!(asked(&answer), Asked::Ended(CallOutcome::Set));
    eventually(async || system.site().login(SECOND, TEMPORARY).await).await;
    assert_eq!(kind(FIRST).await, CredentialKind::Temporary);
    assert_eq!(
        refused(system.site().login(FIRST, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    system
        .set_by_telephone(CONTRACT, "2", FIRST, OTHER_TEMPORARY)
        .await;
    system.site().login(FIRST, OTHER_TEMPORARY).await.unwrap();
}

/// INV-3: a stale replica of Redis brings back sessions from before a change, temporary passwords that were used, killed
/// or replaced, and earlier states of calls. None of them works.
/// INV-1: everything in Redis is valid only under the epoch in the ledger.
#[tokio::test]
async fn a_stale_replica_of_redis_revives_nothing() {
    let system = InProcessSystem::start().await;
    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    system
        .set_by_telephone(CONTRACT, "2", SECOND, OTHER_TEMPORARY)
        .await;
    let forced = system.site().login(FIRST, TEMPORARY).await.unwrap();
    let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
    let answer = call.keys("2").await.unwrap();
    assert_eq!(asked(&answer), Asked::Step(CallStep::Target));
    let stale = dump(&system).await;

    // Use the first password, kill the second, and continue the call to its end.
    let changed = forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    for _ in 0..3 {
        refused(system.site().login(SECOND, "00000000").await);
    }
    call.keys("999").await.unwrap();
    call.hang_up().await.unwrap();

    restore(&system, stale).await;
    let forced_again = eventually(async || match forced.session().await {
        Err(status) if reason(&status) != "UNAVAILABLE" => Ok(reason(&status)),
        other => other.map(|_| "revived"),
    });
    assert_eq!(forced_again.await, "SESSION_ENDED");
    assert_eq!(
        refused(changed.session().await),
        "SESSION_ENDED",
        "the failover did not end the session"
    );
    assert_eq!(
        refused(system.site().login(FIRST, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
    assert_eq!(
        refused(system.site().login(SECOND, OTHER_TEMPORARY).await),
        "LOGIN_REFUSED"
    );
    assert_eq!(count(&system, SECOND).await, (3, true));
    // The restored call expects an earlier turn than the one that the IVR platform sends next.
    assert_eq!(refused(call.keys("1").await), "CALL_OUT_OF_ORDER");
    system.site().login(FIRST, PERMANENT).await.unwrap();
}
