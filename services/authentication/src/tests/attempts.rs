//! Charging and settling attempts.

use aikagi_domain::credential::CredentialKind;
use aikagi_ledger::audit::AuditAction;
use futures_util::future::join_all;

use super::fixture::Event;
use super::{BOTH, CONTRACT, Fixture, NOBODY, RIGHT, STRANGER, USER, limit, number};

fn event(action: AuditAction, outcome: &str, reason: &str) -> Event {
    Event {
        actor: number(USER).masked(),
        action: action.as_str().to_owned(),
        number: Some(USER.to_owned()),
        outcome: outcome.to_owned(),
        reason: Some(reason.to_owned()),
    }
}

/// INV-2, LOGIN-4: a charge counts one attempt, and returns the credential with its line. It writes no audit event.
#[tokio::test]
async fn a_charge_counts_one_attempt() {
    for kind in BOTH {
        let fixture = Fixture::new().await;
        let epoch = fixture.set(USER, kind, RIGHT).await;
        let charged = fixture.charge(USER).await.unwrap();
        assert_eq!((charged.kind, charged.epoch), (kind, epoch));
        assert_eq!((charged.failures, charged.wrong_attempts_before), (1, 0));
        assert_eq!(charged.line_id, fixture.line_id(USER).await);
        assert_eq!(
            charged.permanent_hash.is_some(),
            kind == CredentialKind::Permanent
        );
        assert!(charged.is_account);
        let counts = fixture.counts(USER).await;
        assert_eq!((counts.failures, counts.wrong_attempts), (1, 1));
        assert_eq!(counts.killed_time, None);
        assert_eq!(fixture.decoy_charges().await, 0);
        assert_eq!(fixture.events().await, []);
    }
}

/// LOGIN-2, LOGIN-4: when as many attempts are charged as the limit allows, no further attempt is charged.
#[tokio::test]
async fn charges_end_at_the_limit() {
    for kind in BOTH {
        let fixture = Fixture::new().await;
        fixture.set(USER, kind, RIGHT).await;
        for failures in 1..=limit(kind) {
            assert_eq!(fixture.charge(USER).await.unwrap().failures, failures);
        }
        assert!(fixture.charge(USER).await.is_none());
        let failures = u32::try_from(fixture.counts(USER).await.failures).unwrap();
        assert_eq!(failures, limit(kind));
    }
}

/// LOGIN-4: parallel charges stop at the same limit.
#[tokio::test]
async fn parallel_charges_end_at_the_limit() {
    for kind in BOTH {
        let fixture = Fixture::new().await;
        fixture.set(USER, kind, RIGHT).await;
        let charges = join_all((0..3 * limit(kind)).map(|_| fixture.charge(USER))).await;
        let mut failures: Vec<u32> = charges
            .into_iter()
            .flatten()
            .map(|charged| charged.failures)
            .collect();
        failures.sort_unstable();
        assert_eq!(failures, (1..=limit(kind)).collect::<Vec<_>>());
    }
}

/// LOGIN-5, LOGIN-7: without a live secret, only a decoy is charged.
#[tokio::test]
async fn without_a_live_secret_a_decoy_is_charged() {
    let fixture = Fixture::new().await;
    let mut decoys = 0;
    for account in [NOBODY, CONTRACT, USER] {
        assert!(fixture.charge(account).await.is_none(), "{account}");
        decoys += 1;
        assert_eq!(fixture.decoy_charges().await, decoys);
    }
    fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    fixture
        .execute("UPDATE credentials SET killed_time = '2027-01-01'")
        .await;
    assert!(fixture.charge(USER).await.is_none());
    fixture
        .execute("UPDATE credentials SET killed_time = NULL")
        .await;
    let last = fixture.charge(USER).await.unwrap().temporary_expires;
    fixture.clock.step(last.unwrap() - fixture.now());
    assert!(fixture.charge(USER).await.is_none());
    assert_eq!(fixture.decoy_charges().await, decoys + 2);
    assert_eq!(fixture.counts(USER).await.failures, 1);
}

/// LOGIN-5: parallel attempts at a number without a live secret wait for one another, as they do at any other number. Each
/// number always takes the same decoy.
#[tokio::test]
async fn parallel_decoys_of_a_number_are_one_row() {
    let fixture = Fixture::new().await;
    let attempts = (0..8).map(|_| fixture.charge(NOBODY));
    assert!(join_all(attempts).await.iter().all(Option::is_none));
    assert_eq!(fixture.decoys_in_use().await, [8]);
    assert!(fixture.charge(STRANGER).await.is_none());
    assert_eq!(fixture.decoys_in_use().await, [1, 8]);
}

/// LOGIN-5, OPS-6: each refusal without a charge settles its decoy. A counted one also writes a decoy event, which
/// replaces the one before it and does not name the number.
#[tokio::test]
async fn a_counted_refusal_writes_a_decoy_event() {
    let fixture = Fixture::new().await;
    let count = async |statement: &'static str| -> i64 {
        let counted = sqlx::query_scalar(statement).fetch_one(&fixture.ledger);
        counted.await.unwrap()
    };
    let rows = count("SELECT count(*) FROM decoy_events").await;
    for counted in 0..3 {
        fixture.login(NOBODY, RIGHT).await.unwrap_err();
        let written = "SELECT sum(head_sequence)::bigint FROM decoy_chains";
        assert_eq!(count(written).await, counted);
        let open = "SELECT count(*) FROM decoy_credentials WHERE open_charges <> '{}'";
        assert_eq!(count(open).await, 0);
    }
    assert_eq!(fixture.events().await.len(), 1);
    assert_eq!(count("SELECT count(*) FROM decoy_events").await, rows);
    let named = "SELECT count(*) FROM decoy_events WHERE number <> '0000000000'";
    assert_eq!(count(named).await, 0);
}

/// LOGIN-6: a session can charge attempts only to numbers of its line.
#[tokio::test]
async fn a_charge_can_be_bound_to_a_line() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let own = fixture.line_id(USER).await;
    let other = fixture.line_id(STRANGER).await;
    let charged = fixture.try_charge(USER, Some(other)).await.unwrap();
    assert!(charged.is_none());
    assert_eq!(fixture.counts(USER).await.failures, 0);
    let charged = fixture.try_charge(USER, Some(own)).await.unwrap();
    assert_eq!(charged.unwrap().failures, 1);
}

/// UNIT-1: an attempt is also charged to a number that is not an account. The result reports this.
#[tokio::test]
async fn a_charge_reports_if_the_number_is_an_account() {
    let fixture = Fixture::new().await;
    fixture
        .set(CONTRACT, CredentialKind::Permanent, RIGHT)
        .await;
    assert!(!fixture.charge(CONTRACT).await.unwrap().is_account);
    fixture.execute("UPDATE lines SET unit = 'LINE'").await;
    assert!(fixture.charge(CONTRACT).await.unwrap().is_account);
    fixture
        .execute("UPDATE lines SET closed_time = '2027-01-01'")
        .await;
    assert!(!fixture.charge(CONTRACT).await.unwrap().is_account);
}

/// LOGIN-3, SESS-6, OPS-3: a right password at login sets the counts to 0 and starts a new round.
#[tokio::test]
async fn a_login_resets_the_counts() {
    for kind in BOTH {
        let fixture = Fixture::new().await;
        fixture.set(USER, kind, RIGHT).await;
        fixture.charge(USER).await.unwrap();
        let charged = fixture.charge(USER).await.unwrap();
        assert_eq!((charged.failures, charged.wrong_attempts_before), (2, 1));
        let settled = fixture
            .store()
            .settle_login(&number(USER), &charged, fixture.now())
            .await;
        assert!(settled.unwrap());
        let counts = fixture.counts(USER).await;
        assert_eq!((counts.failures, counts.wrong_attempts), (0, 0));
        assert_eq!(counts.reset_round, charged.reset_round + 1);
        assert_eq!(counts.last_login_time, Some(fixture.now()));
        let expected = event(AuditAction::Login, "DONE", kind.as_str());
        assert_eq!(fixture.events().await, [expected]);
    }
}

/// INV-1: a login whose credential has changed since the charge settles nothing.
#[tokio::test]
async fn a_login_after_a_change_settles_nothing() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let charged = fixture.charge(USER).await.unwrap();
    fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    fixture.charge(USER).await.unwrap();
    let before = fixture.counts(USER).await;
    let settled = fixture
        .store()
        .settle_login(&number(USER), &charged, fixture.now())
        .await;
    assert!(!settled.unwrap());
    assert_eq!(fixture.counts(USER).await, before);
    let expected = event(AuditAction::Login, "REFUSED", "SUPERSEDED");
    assert_eq!(fixture.events().await, [expected]);
}

/// LOGIN-2, OPS-3: a wrong attempt stays charged. The last one kills the password.
#[tokio::test]
async fn the_last_wrong_attempt_kills() {
    for kind in BOTH {
        let fixture = Fixture::new().await;
        fixture.set(USER, kind, RIGHT).await;
        for failures in 1..=limit(kind) {
            let charged = fixture.charge(USER).await.unwrap();
            let rules = &fixture.service.credential_rules;
            let killed = fixture
                .store()
                .settle_wrong(
                    &number(USER),
                    &charged,
                    AuditAction::Login,
                    rules,
                    fixture.now(),
                )
                .await
                .unwrap();
            let is_last = failures == limit(kind);
            assert_eq!(killed, is_last);
            let counts = fixture.counts(USER).await;
            assert_eq!(u32::try_from(counts.failures).unwrap(), failures);
            assert_eq!(counts.killed_time, is_last.then_some(fixture.now()));
            let reason = if is_last { "KILLED" } else { "WRONG" };
            let last = fixture.events().await.pop().unwrap();
            assert_eq!(last, event(AuditAction::Login, "REFUSED", reason));
        }
        assert!(fixture.charge(USER).await.is_none());
    }
}

/// LOGIN-2: if parallel attempts reach the limit, only one of them kills the password. Only its audit event says so.
#[tokio::test]
async fn parallel_wrong_attempts_kill_once() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    let charges = join_all((0..3).map(|_| fixture.charge(USER))).await;
    let rules = &fixture.service.credential_rules;
    let (user, now) = (number(USER), fixture.now());
    let settled = join_all(charges.iter().flatten().map(|charged| {
        fixture
            .store()
            .settle_wrong(&user, charged, AuditAction::Login, rules, now)
    }));
    for result in settled.await {
        result.unwrap();
    }
    let events = fixture.events().await;
    let kills = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some("KILLED"));
    assert_eq!((events.len(), kills.count()), (3, 1));
}

/// OPS-3: a login that charged nothing writes an audit event. A number that is on no line is not stored in it.
#[tokio::test]
async fn a_login_without_a_charge_writes_an_event() {
    let fixture = Fixture::new().await;
    for account in [USER, NOBODY] {
        let account = number(account);
        let noted = fixture
            .store()
            .note_refused_login(&account, fixture.now())
            .await;
        noted.unwrap();
    }
    let known = event(AuditAction::Login, "REFUSED", "NOTHING_LIVE");
    let unknown = Event {
        actor: number(NOBODY).masked(),
        number: None,
        ..event(AuditAction::Login, "REFUSED", "UNKNOWN_NUMBER")
    };
    assert_eq!(fixture.events().await, [known, unknown]);
}
