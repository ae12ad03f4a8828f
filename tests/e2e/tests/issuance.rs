//! Setting a temporary password by telephone (IVR-1 to IVR-13).

use std::collections::BTreeMap;

use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::{CallOutcome, CallStarted, CallStep, TakeTurnRequest};
use aikagi_api::units::v1::{AuthUnit, CredentialKind};
use aikagi_client::samples::{
    CONTRACT, FIRST, NOBODY, OTHER_TEMPORARY, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED,
};
use aikagi_client::{Asked, Call, Ivr, asked, call_id, guidance, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::{InProcessSystem, Options};
use chrono::TimeDelta;

/// IVR-1: the call begins with the question for the unit.
/// IVR-2: after 1, the dialog asks for the password immediately. The account is the contract
/// number, even if another number of the line calls.
/// IVR-5: the guidance reads out the number whose password is set.
/// IVR-8: on success, the guidance reads out the number again.
#[tokio::test]
async fn any_number_of_a_line_sets_its_password() {
    let system = InProcessSystem::start().await;
    let (mut call, answer) = system.ivr().dial(FIRST).await.unwrap();
    assert_eq!(asked(&answer), Asked::Step(CallStep::Unit));
    let answer = call.keys("1").await.unwrap();
    assert_eq!(asked(&answer), Asked::Step(CallStep::Password));
    assert!(
        answer
            .guidance
            .iter()
            .any(|guidance| guidance.number == CONTRACT)
    );
    let answer = call.keys(TEMPORARY).await.unwrap();
    assert_eq!(asked(&answer), Asked::Step(CallStep::Confirm));
    let answer = call.keys(TEMPORARY).await.unwrap();
    assert_eq!(asked(&answer), Asked::Ended(CallOutcome::Set));
    assert!(
        answer
            .guidance
            .iter()
            .any(|guidance| guidance.number == CONTRACT)
    );
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// IVR-3: after 2, the dialog asks for the target, which must be a subscribed number of the
/// caller's own line.
/// IVR-11: the response is the same for every target that is not allowed: unknown, unsubscribed or
/// on another line.
#[tokio::test]
async fn a_target_is_a_subscribed_number_of_the_own_line() {
    let system = InProcessSystem::start().await;
    let mut words = Vec::new();
    for target in [NOBODY, UNSUBSCRIBED, STRANGER, CONTRACT] {
        let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
        assert_eq!(
            asked(&call.keys("2").await.unwrap()),
            Asked::Step(CallStep::Target)
        );
        let answer = call.keys(&format!("{target}#")).await.unwrap();
        assert_eq!(asked(&answer), Asked::Step(CallStep::Target), "{target}");
        words.push(answer);
    }
    for answer in &words {
        assert_eq!(answer.guidance, words[0].guidance);
        assert_eq!(guidance(answer)[0], "invalid-entry");
    }
    system
        .set_by_telephone(CONTRACT, "2", SECOND, TEMPORARY)
        .await;
    system.site().login(SECOND, TEMPORARY).await.unwrap();
}

/// IVR-4: after 3, a caller on the contract number is asked for the target, and may key the
/// contract number itself. A caller on an additional number is asked for the password of that
/// number immediately.
#[tokio::test]
async fn administrators_name_a_target_and_users_do_not() {
    let system = InProcessSystem::start().await;
    system
        .set_by_telephone(CONTRACT, "3", CONTRACT, TEMPORARY)
        .await;
    system
        .set_by_telephone(CONTRACT, "3", SECOND, TEMPORARY)
        .await;
    let (mut call, _) = system.ivr().dial(FIRST).await.unwrap();
    let answer = call.keys("3").await.unwrap();
    assert_eq!(asked(&answer), Asked::Step(CallStep::Password));
    assert!(
        answer
            .guidance
            .iter()
            .any(|guidance| guidance.number == FIRST)
    );
    for account in [CONTRACT, SECOND] {
        system.site().login(account, TEMPORARY).await.unwrap();
    }
}

/// IVR-6: a mismatch is an invalid entry of the confirm step, and the question is repeated.
/// IVR-7: after an invalid entry or silence, the question is repeated. The third one at a step ends
/// the call, and nothing changes. Each step has its own count.
#[tokio::test]
async fn three_invalid_entries_of_one_step_end_the_call() {
    let system = InProcessSystem::start().await;
    let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
    for entry in ["4", "0"] {
        let answer = call.keys(entry).await.unwrap();
        assert_eq!(guidance(&answer)[0], "invalid-entry");
        assert_eq!(asked(&answer), Asked::Step(CallStep::Unit));
    }
    call.keys("1").await.unwrap();
    for entry in ["1234567", "123456789"] {
        assert_eq!(
            asked(&call.keys(entry).await.unwrap()),
            Asked::Step(CallStep::Password)
        );
    }
    call.keys(TEMPORARY).await.unwrap();
    assert_eq!(
        asked(&call.keys(OTHER_TEMPORARY).await.unwrap()),
        Asked::Step(CallStep::Confirm)
    );
    assert_eq!(
        asked(&call.silence().await.unwrap()),
        Asked::Step(CallStep::Confirm)
    );
    let answer = call.keys("00000000").await.unwrap();
    assert_eq!(asked(&answer), Asked::Ended(CallOutcome::TooManyInvalid));
    assert_eq!(guidance(&answer), ["too-many-invalid"]);
    let line = system.operator().line(CONTRACT).await.unwrap();
    assert_eq!(line.unit(), AuthUnit::Unspecified);
    assert!(
        line.numbers
            .iter()
            .all(|number| number.credential_kind() == CredentialKind::None)
    );
}

/// IVR-9: a temporary password works for exactly 24 hours, to the second.
#[tokio::test]
async fn a_temporary_password_lives_twenty_four_hours() {
    let system = InProcessSystem::start().await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    system.wait(TimeDelta::hours(24) - TimeDelta::seconds(1));
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    system.wait(TimeDelta::seconds(1));
    assert_eq!(
        refused(system.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
}

/// IVR-10: a temporary password retires the permanent one immediately and permanently, even if the
/// temporary one is never used. A second temporary password replaces the first.
#[tokio::test]
async fn a_call_retires_the_permanent_password_for_good() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    system
        .set_by_telephone(CONTRACT, "1", "", OTHER_TEMPORARY)
        .await;
    assert_eq!(
        refused(system.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
    system
        .site()
        .login(CONTRACT, OTHER_TEMPORARY)
        .await
        .unwrap();
    system.wait(TimeDelta::hours(25));
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// IVR-11: a caller whose number is withheld or unknown hears that the call cannot be accepted. A unit other than the
/// established one is an invalid entry.
#[tokio::test]
async fn callers_that_cannot_be_accepted() {
    let system = InProcessSystem::start().await;
    for caller in ["", NOBODY] {
        let (_, answer) = system.ivr().dial(caller).await.unwrap();
        assert_eq!(
            asked(&answer),
            Asked::Ended(CallOutcome::Refused),
            "{caller}"
        );
        assert_eq!(guidance(&answer), ["call-refused"]);
    }
    sqlx::query("UPDATE lines SET closed_time = now() WHERE contract_number = $1")
        .bind(STRANGER)
        .execute(&system.ledger().await)
        .await
        .unwrap();
    let (_, answer) = system.ivr().dial(STRANGER).await.unwrap();
    assert_eq!(asked(&answer), Asked::Ended(CallOutcome::Refused));

    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
    let answer = call.keys("2").await.unwrap();
    assert_eq!(guidance(&answer)[0], "invalid-entry");
    assert_eq!(asked(&answer), Asked::Step(CallStep::Unit));

    let (mut call, _) = system.ivr().dial(UNSUBSCRIBED).await.unwrap();
    let answer = call.keys("3").await.unwrap();
    assert_eq!(guidance(&answer)[0], "invalid-entry");
}

/// IVR-12: any replica takes any turn. The same turn sent twice gets the same response and counts
/// once. The keyed password is never in clear text in Redis.
#[tokio::test]
async fn any_replica_takes_any_turn() {
    let replicas = BTreeMap::from([(Service::Issuance, 2)]);
    let system = InProcessSystem::with(Options {
        replicas,
        ..Options::default()
    })
    .await;
    let ivrs =
        [0, 1].map(|replica| Ivr::new(system.replica_as(Service::Issuance, replica, "gateway")));
    let call_id = call_id();
    let turn = |sequence: u32, event: Event| TakeTurnRequest {
        call_id: call_id.clone(),
        sequence,
        event: Some(event),
    };
    let started = Event::Started(CallStarted {
        caller_number: FIRST.into(),
    });
    let events = [
        started,
        Event::Keys("9".into()),
        Event::Keys("9".into()),
        Event::Keys("1".into()),
        Event::Keys(TEMPORARY.into()),
        Event::Keys(TEMPORARY.into()),
    ];
    for (sequence, event) in (0_u32..).zip(events) {
        let one = ivrs[sequence as usize % 2]
            .take_turn(turn(sequence, event.clone()))
            .await
            .unwrap();
        let again = ivrs[(sequence as usize + 1) % 2]
            .take_turn(turn(sequence, event))
            .await
            .unwrap();
        assert_eq!(one, again, "turn {sequence}");
        for (key, value) in super::sessions::dump(&system).await {
            let found = value
                .windows(TEMPORARY.len())
                .any(|window| window == TEMPORARY.as_bytes());
            assert!(!found, "{key}");
        }
        if sequence == 5 {
            assert_eq!(asked(&one), Asked::Ended(CallOutcome::Set));
        }
    }
    let events: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_events WHERE action = 'SET_TEMPORARY_PASSWORD'",
    )
    .fetch_one(&system.ledger().await)
    .await
    .unwrap();
    assert_eq!(events, 1, "the last turn counted once");
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// IVR-12: an abandoned call leaves only state that expires.
#[tokio::test]
async fn an_abandoned_call_leaves_only_state_that_expires() {
    let system = InProcessSystem::start().await;
    let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
    call.keys("1").await.unwrap();
    call.keys(TEMPORARY).await.unwrap();
    let mut redis = system.redis_connection().await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut redis)
        .await
        .unwrap();
    assert!(keys.iter().any(|key| key.starts_with("call:")));
    for key in keys {
        let left: i64 = redis::cmd("PTTL")
            .arg(&key)
            .query_async(&mut redis)
            .await
            .unwrap();
        assert!(left > 0, "{key} never expires");
    }
    let answer = call.hang_up().await.unwrap();
    assert_eq!(asked(&answer), Asked::Ended(CallOutcome::HungUp));
    let line = system.operator().line(CONTRACT).await.unwrap();
    assert_eq!(line.unit(), AuthUnit::Unspecified);
}

/// IVR-13: an IVR platform with its own dialog sets the password in one RPC, under the same rules.
#[tokio::test]
async fn one_rpc_sets_under_the_same_rules() {
    let system = InProcessSystem::start().await;
    let ivr = system.ivr();
    let set = ivr.set(FIRST, AuthUnit::Line, "", TEMPORARY).await.unwrap();
    assert_eq!(set.account_number, CONTRACT);
    let expires = system.now() + TimeDelta::hours(24);
    assert_eq!(set.expire_time.unwrap().seconds, expires.timestamp());
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();

    assert_eq!(
        refused(ivr.set("", AuthUnit::Line, "", TEMPORARY).await),
        "CALLER_REFUSED"
    );
    assert_eq!(
        refused(ivr.set(NOBODY, AuthUnit::Line, "", TEMPORARY).await),
        "CALLER_REFUSED"
    );
    for target in [NOBODY, UNSUBSCRIBED, STRANGER] {
        assert_eq!(
            refused(ivr.set(FIRST, AuthUnit::Number, target, TEMPORARY).await),
            "TARGET_REFUSED",
            "{target}"
        );
    }
    for keyed in ["1234567", "123456789", "1234567a", ""] {
        assert_eq!(
            refused(ivr.set(FIRST, AuthUnit::Line, "", keyed).await),
            "INVALID_FIELD",
            "{keyed}"
        );
    }
    assert_eq!(
        refused(ivr.set(FIRST, AuthUnit::Unspecified, "", TEMPORARY).await),
        "INVALID_FIELD"
    );
}

/// IVR-7: in a new call, the counts of invalid entries start at 0 again.
#[tokio::test]
async fn a_new_call_has_three_entries_again() {
    let system = InProcessSystem::start().await;
    for _ in 0..2 {
        let (mut call, _): (Call, _) = system.ivr().dial(CONTRACT).await.unwrap();
        call.keys("7").await.unwrap();
        call.keys("8").await.unwrap();
        assert_eq!(
            asked(&call.keys("9").await.unwrap()),
            Asked::Ended(CallOutcome::TooManyInvalid)
        );
    }
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
}
