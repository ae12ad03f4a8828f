//! The order of an attempt: permit, charge, hash, settle (INV-6).

use aikagi_api::authentication::v1::{CheckReuseRequest, MustChangeReason};
use aikagi_domain::credential::CredentialKind;
use aikagi_refusal::{ErrorReason, Failure};

use super::fixture::reason;
use super::{BOTH, CONTRACT, Fixture, NOBODY, RIGHT, SECOND, STRANGER, USER, WRONG, limit, number};
use crate::check_reuse;

/// LOGIN-1, PW-4: a temporary password opens a must-change session. A permanent password opens a full session.
#[tokio::test]
async fn a_right_password_opens_a_session() {
    let fixture = Fixture::new().await;
    for (kind, must_change) in [
        (CredentialKind::Temporary, MustChangeReason::Temporary),
        (CredentialKind::Permanent, MustChangeReason::Unspecified),
    ] {
        fixture.set(USER, kind, RIGHT).await;
        let opened = fixture.login(USER, RIGHT).await.unwrap();
        assert!(!opened.session_token.is_empty());
        let session = opened.session.as_ref().unwrap();
        assert_eq!(session.must_change_reason(), must_change);
        assert_eq!(session.scope_numbers, [USER]);
    }
}

/// LOGIN-2, LOGIN-3: wrong attempts in a row kill a password. A login between them sets the count to 0.
#[tokio::test]
async fn wrong_attempts_in_a_row_kill_a_password() {
    for kind in BOTH {
        let fixture = Fixture::new().await;
        fixture.set(USER, kind, RIGHT).await;
        for attempts in [limit(kind) - 1, limit(kind)] {
            for _ in 0..attempts {
                let refused = reason(fixture.login(USER, WRONG).await);
                assert_eq!(refused, ErrorReason::LoginRefused);
            }
            let last = fixture.login(USER, RIGHT).await;
            assert_eq!(last.is_ok(), attempts < limit(kind), "{kind:?}");
        }
        assert!(fixture.counts(USER).await.killed_time.is_some());
    }
}

/// LOGIN-5, INV-10: each refusal opens one hash and computes one, and all refusals have the same reason.
#[tokio::test]
async fn refusals_do_the_same_work() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    fixture.set(SECOND, CredentialKind::Permanent, RIGHT).await;
    fixture
        .set(CONTRACT, CredentialKind::Permanent, RIGHT)
        .await;
    let cases = [
        (NOBODY, RIGHT),
        (STRANGER, RIGHT),
        (CONTRACT, RIGHT),
        (USER, WRONG),
        (SECOND, WRONG),
    ];
    let work = || {
        let service = &fixture.service;
        (service.pool().count(), service.keys.opened())
    };
    for (account, password) in cases {
        let before = work();
        let refused = reason(fixture.login(account, password).await);
        assert_eq!(refused, ErrorReason::LoginRefused, "{account}");
        assert_eq!(work(), (before.0 + 1, before.1 + 1), "{account}");
    }
}

/// LOGIN-4, LOGIN-5: if Redis fails before the password is compared, the charge is refunded. The response is the same for
/// every number and password.
#[tokio::test]
async fn a_fault_before_the_comparison_costs_no_attempt() {
    let mut fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    fixture.set(SECOND, CredentialKind::Permanent, RIGHT).await;
    fixture.redis.stop();
    for _ in 0..=limit(CredentialKind::Temporary) {
        for account in [USER, SECOND, STRANGER, NOBODY] {
            for password in [RIGHT, WRONG] {
                let failure = fixture.login(account, password).await.unwrap_err();
                assert!(matches!(failure, Failure::Fault(_)), "{account}: {failure}");
            }
        }
    }
    for account in [USER, SECOND] {
        let counts = fixture.counts(account).await;
        assert_eq!((counts.failures, counts.wrong_attempts), (0, 0));
        assert_eq!(counts.killed_time, None);
    }
    assert_eq!(fixture.events().await, []);
}

/// SESS-2, OPS-3: a wrong attempt in a session ends the session only if the attempt kills a password. While another
/// charge may still be refunded, the attempt does not kill the password.
#[tokio::test]
async fn a_session_outlives_a_wrong_attempt_that_kills_nothing() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let opened = fixture.login(USER, RIGHT).await.unwrap();
    let token = &opened.session_token;
    let open = fixture.charge(USER).await.unwrap();
    for _ in 1..limit(CredentialKind::Permanent) {
        let refused = reason(fixture.verify(token, USER, WRONG).await);
        assert_eq!(refused, ErrorReason::PasswordWrong);
    }
    let refund = open.open_charge(&number(USER));
    fixture.store().refund(&refund).await.unwrap();
    assert!(fixture.verify(token, USER, RIGHT).await.is_ok());
}

/// LOGIN-4, INV-6: a login that gets no permit charges no attempt.
#[tokio::test]
async fn a_login_without_a_permit_costs_no_attempt() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let past = tokio::time::Instant::now();
    let login = Box::pin(fixture.login(USER, WRONG));
    let login = aikagi_mesh::deadline::inherit(Some(past), login).await;
    assert!(matches!(login.unwrap_err(), Failure::Fault(_)));
    assert_eq!(fixture.counts(USER).await.failures, 0);
    assert_eq!(fixture.decoy_charges().await, 0);
}

/// INV-3: without its record in Redis a temporary password does not match, and the attempt is charged.
#[tokio::test]
async fn a_temporary_password_that_redis_has_lost_is_refused() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    fixture.redis.flush().unwrap();
    let refused = reason(fixture.login(USER, RIGHT).await);
    assert_eq!(refused, ErrorReason::LoginRefused);
    assert_eq!(fixture.counts(USER).await.failures, 1);
    assert_eq!(fixture.service.pool().counts().decoys, 1);
    assert_eq!(fixture.service.keys.opened(), 1);
}

/// LOGIN-6, SESS-2: in a session a right password refunds its charge, and a wrong one stays charged. A session that
/// uses the last attempt ends.
#[tokio::test]
async fn a_session_that_uses_the_last_attempt_ends() {
    let fixture = Fixture::new().await;
    for account in [USER, SECOND] {
        fixture.set(account, CredentialKind::Permanent, RIGHT).await;
    }
    let session = fixture.login(USER, RIGHT).await.unwrap();
    let token = session.session_token.as_str();
    let verified = fixture.verify(token, SECOND, RIGHT).await.unwrap();
    assert_ne!(verified.epoch, 0);
    assert_eq!(fixture.counts(SECOND).await.failures, 0);
    let foreign = reason(fixture.verify(token, STRANGER, RIGHT).await);
    assert_eq!(foreign, ErrorReason::PasswordDead);
    for _ in 1..limit(CredentialKind::Permanent) {
        let refused = reason(fixture.verify(token, SECOND, WRONG).await);
        assert_eq!(refused, ErrorReason::PasswordWrong);
    }
    let last = reason(fixture.verify(token, SECOND, WRONG).await);
    assert_eq!(last, ErrorReason::PasswordDead);
    assert!(fixture.counts(SECOND).await.killed_time.is_some());
    let ended = reason(fixture.verify(token, USER, RIGHT).await);
    assert_eq!(ended, ErrorReason::SessionEnded);
}

/// PW-2: a new password must differ from the last permanent password, even if that one is retired.
#[tokio::test]
async fn the_last_permanent_password_cannot_be_used_again() {
    let fixture = Fixture::new().await;
    let permanent = fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let retired = fixture
        .set(USER, CredentialKind::Temporary, "48151623")
        .await;
    let check = async |epoch: i64, password: &str| {
        let request = CheckReuseRequest {
            number: USER.to_owned(),
            epoch,
            new_password: password.to_owned(),
        };
        check_reuse::check_reuse(&fixture.service, request).await
    };
    let reused = reason(check(retired.0, RIGHT).await);
    assert_eq!(reused, ErrorReason::PasswordReused);
    check(retired.0, "Other1234").await.unwrap();
    let stale = reason(check(permanent.0, "Other1234").await);
    assert_eq!(stale, ErrorReason::ChangedMeanwhile);
}
