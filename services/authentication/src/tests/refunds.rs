//! Refunds of charges, and the hash of the last permanent password.

use std::time::Duration;

use aikagi_domain::credential::{CredentialKind, Epoch};
use aikagi_ledger::audit::AuditAction;

use super::{BOTH, Fixture, RIGHT, USER, limit, number};
use crate::store::{Charge, Charged};

async fn settle_wrong(fixture: &Fixture, charged: &Charged) -> bool {
    let rules = &fixture.service.credential_rules;
    fixture
        .store()
        .settle_wrong(
            &number(USER),
            charged,
            AuditAction::Login,
            rules,
            fixture.now(),
        )
        .await
        .unwrap()
}

async fn settle_verified(fixture: &Fixture, charged: &Charged) -> bool {
    fixture
        .store()
        .settle_verified(&number(USER), charged, fixture.now())
        .await
        .unwrap()
}

async fn refund(fixture: &Fixture, charged: &Charged) {
    let charge = charged.open_charge(&number(USER));
    fixture.store().refund(&charge).await.unwrap();
}

/// LOGIN-6: a right password in a session refunds its own charge. Earlier wrong attempts stay charged.
#[tokio::test]
async fn a_right_password_in_a_session_refunds_its_own_charge() {
    for kind in BOTH {
        let fixture = Fixture::new().await;
        fixture.set(USER, kind, RIGHT).await;
        let wrong = fixture.charge(USER).await.unwrap();
        settle_wrong(&fixture, &wrong).await;
        let right = fixture.charge(USER).await.unwrap();
        assert!(settle_verified(&fixture, &right).await);
        let counts = fixture.counts(USER).await;
        assert_eq!((counts.failures, counts.wrong_attempts), (1, 1));
        assert_eq!((counts.reset_round, counts.last_login_time), (0, None));
        let last = fixture.events().await.pop().unwrap();
        assert_eq!(last.action, AuditAction::VerifyPassword.as_str());
        assert_eq!(last.outcome, "DONE");
        assert_eq!(last.reason.as_deref(), Some(kind.as_str()));
    }
}

/// LOGIN-3, LOGIN-6: after a login has set the count to 0, an older charge can no longer be refunded.
#[tokio::test]
async fn a_charge_is_refunded_only_in_its_round() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let old = fixture.charge(USER).await.unwrap();
    let login = fixture.charge(USER).await.unwrap();
    let settled = fixture
        .store()
        .settle_login(&number(USER), &login, fixture.now())
        .await;
    assert!(settled.unwrap());
    fixture.charge(USER).await.unwrap();
    let before = fixture.counts(USER).await;
    assert_eq!(before.failures, 1);
    assert!(settle_verified(&fixture, &old).await);
    assert_eq!(fixture.counts(USER).await, before);
    refund(&fixture, &old).await;
    assert_eq!(fixture.counts(USER).await, before);
}

/// INV-1: after a change of the credential, an older charge can be neither settled nor refunded.
#[tokio::test]
async fn a_charge_is_refunded_only_in_its_epoch() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let old = fixture.charge(USER).await.unwrap();
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    fixture.charge(USER).await.unwrap();
    let before = fixture.counts(USER).await;
    refund(&fixture, &old).await;
    assert!(!settle_verified(&fixture, &old).await);
    assert_eq!(fixture.counts(USER).await, before);
    let last = fixture.events().await.pop().unwrap();
    assert_eq!(
        (last.outcome.as_str(), last.reason.as_deref()),
        ("REFUSED", Some("SUPERSEDED"))
    );
}

/// LOGIN-4: a refund makes the attempt available again, and writes no audit event.
#[tokio::test]
async fn a_refund_makes_an_attempt_available() {
    for kind in BOTH {
        let fixture = Fixture::new().await;
        fixture.set(USER, kind, RIGHT).await;
        for _ in 1..limit(kind) {
            fixture.charge(USER).await.unwrap();
        }
        let last = fixture.charge(USER).await.unwrap();
        assert!(fixture.charge(USER).await.is_none());
        refund(&fixture, &last).await;
        let counts = fixture.counts(USER).await;
        assert_eq!(u32::try_from(counts.failures).unwrap(), limit(kind) - 1);
        assert_eq!(counts.failures, counts.wrong_attempts);
        assert_eq!(fixture.charge(USER).await.unwrap().failures, limit(kind));
        assert_eq!(fixture.events().await, []);
    }
}

/// LOGIN-2, LOGIN-4, OPS-3: while a charge may still be refunded, no wrong attempt kills the password, and the trail names
/// no kill. If that charge is settled as wrong too, it kills.
#[tokio::test]
async fn only_the_last_settled_attempt_kills() {
    for end in ["refund", "right in a session", "wrong"] {
        let fixture = Fixture::new().await;
        fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
        let open = fixture.charge(USER).await.unwrap();
        for _ in 1..limit(CredentialKind::Temporary) {
            let wrong = fixture.charge(USER).await.unwrap();
            assert!(!settle_wrong(&fixture, &wrong).await);
        }
        assert!(fixture.charge(USER).await.is_none());
        assert_eq!(fixture.counts(USER).await.killed_time, None);
        match end {
            "refund" => refund(&fixture, &open).await,
            "wrong" => assert!(settle_wrong(&fixture, &open).await),
            _ => assert!(settle_verified(&fixture, &open).await),
        }
        if end != "wrong" {
            let counts = fixture.counts(USER).await;
            assert_eq!((counts.failures, counts.killed_time), (2, None));
            let last = fixture.charge(USER).await.unwrap();
            assert!(settle_wrong(&fixture, &last).await);
        }
        assert!(fixture.counts(USER).await.killed_time.is_some());
        let events = fixture.events().await;
        let kills = |event: &&super::fixture::Event| event.reason.as_deref() == Some("KILLED");
        assert_eq!(events.iter().filter(kills).count(), 1, "{end}");
    }
}

/// PW-2: the hash of the last permanent password stays available in later epochs. The lookup must name
/// the present epoch of the credential. With another epoch it finds nothing.
#[tokio::test]
async fn the_last_permanent_hash_is_found_in_the_present_epoch() {
    let fixture = Fixture::new().await;
    let find = async |epoch: Epoch| {
        let found = fixture.store().last_permanent(&number(USER), epoch).await;
        found.unwrap()
    };
    let temporary = fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    assert_eq!(find(temporary).await, Some(None));
    let permanent = fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    assert_eq!(find(temporary).await, None);
    let (sealed, epoch) = find(permanent).await.flatten().unwrap();
    assert_eq!(epoch, permanent);
    let retired = fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    assert_eq!(find(retired).await, Some(Some((sealed, permanent))));
}

/// INV-2: a charge is refunded only once, even if the refund is repeated.
#[tokio::test]
async fn a_charge_is_refunded_once() {
    for in_session in [false, true] {
        let fixture = Fixture::new().await;
        fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
        let wrong = fixture.charge(USER).await.unwrap();
        settle_wrong(&fixture, &wrong).await;
        let right = fixture.charge(USER).await.unwrap();
        for _ in 0..3 {
            if in_session {
                assert!(settle_verified(&fixture, &right).await);
            } else {
                refund(&fixture, &right).await;
            }
        }
        assert_eq!(fixture.counts(USER).await.failures, 1);
    }
}

/// Makes each statement that lowers a count fail, as if the ledger became read-only after the charge.
const REFUSE_SETTLEMENTS: &str = "
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'read-only' USING ERRCODE = '25006';
    END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON credentials
    FOR EACH ROW WHEN (NEW.failures < OLD.failures) EXECUTE FUNCTION refuse()";

/// LOGIN-4: if the result of a charge is unknown, its attempt is refunded. It does not matter if the ledger executes
/// the charge before the refund begins or later.
#[tokio::test]
async fn a_charge_of_unknown_result_is_refunded() {
    for is_early in [true, false] {
        let mut fixture = Fixture::new().await;
        fixture.service.refunds.looks = [Duration::from_millis(10), Duration::from_millis(500)];
        fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
        let account = number(USER);
        let rules = &fixture.service.credential_rules;
        let charge = Charge::of(&account, None);
        let execute = async || {
            let charged = fixture.store().charge(&charge, rules, fixture.now()).await;
            assert!(charged.unwrap().is_some());
        };
        if is_early {
            execute().await;
        }
        fixture.service.refunds.refund_if_charged(charge.open());
        if !is_early {
            tokio::time::sleep(Duration::from_millis(100)).await;
            execute().await;
        }
        until_failures(&fixture, 0).await;
    }
}

/// Waits at most a minute until an account has this count.
async fn until_failures(fixture: &Fixture, failures: i32) {
    let limit = tokio::time::Instant::now() + Duration::from_mins(1);
    while fixture.counts(USER).await.failures != failures {
        assert!(
            tokio::time::Instant::now() < limit,
            "the charges were not refunded within a minute"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// LOGIN-3, LOGIN-6, INV-2: a right password never counts as a wrong attempt, even if its settlement and its refund
/// fail. The refund is tried again until it is written.
#[tokio::test]
async fn a_right_password_never_counts() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let opened = fixture.login(USER, RIGHT).await.unwrap();
    let wrong = fixture.charge(USER).await.unwrap();
    settle_wrong(&fixture, &wrong).await;
    fixture.execute(REFUSE_SETTLEMENTS).await;
    for _ in 0..4 {
        fixture.login(USER, RIGHT).await.unwrap_err();
        let verified = fixture.verify(&opened.session_token, USER, RIGHT).await;
        verified.unwrap_err();
    }
    assert_eq!(fixture.counts(USER).await.failures, 9);
    fixture.execute("DROP TRIGGER refuse ON credentials").await;
    until_failures(&fixture, 1).await;
    assert_eq!(fixture.counts(USER).await.wrong_attempts, 1);
    fixture.login(USER, RIGHT).await.unwrap();
    assert_eq!(fixture.counts(USER).await.failures, 0);
}
