//! Setting a temporary password by telephone (IVR-1 to IVR-13).

use std::collections::BTreeMap;

use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::{CallOutcome, CallStarted, CallStep, TakeTurnRequest};
use aikagi_api::units::v1::{AuthUnit, CredentialKind};
use aikagi_devkit::installation::workloads::Service;
use aikagi_tests::edge::{Asked, Call, Ivr, asked, call_id, guidance};
use aikagi_tests::world::{
    CONTRACT, FIRST, NOBODY, OTHER_TEMPORARY, Options, PERMANENT, SECOND, STRANGER, TEMPORARY,
    UNSUBSCRIBED, World, refused,
};
use chrono::TimeDelta;

/// IVR-1: the call begins with the question for the unit.
/// IVR-2: after 1 it goes straight to the password, and the account is the contract number, whoever calls.
/// IVR-5: the guidance reads out which number is being set.
/// IVR-8: on success the guidance says for which number.
#[tokio::test]
async fn a_line_is_set_from_any_of_its_telephones() {
    let world = World::start().await;
    let (mut call, answer) = world.ivr().dial(FIRST).await.unwrap();
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
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// IVR-3: after 2 the target is asked for, which must be a subscribed number of the caller's own line.
/// IVR-11: any target not allowed is worded alike, whether unknown, unsubscribed or on another line.
#[tokio::test]
async fn a_target_is_a_subscribed_number_of_the_own_line() {
    let world = World::start().await;
    let mut words = Vec::new();
    for target in [NOBODY, UNSUBSCRIBED, STRANGER, CONTRACT] {
        let (mut call, _) = world.ivr().dial(CONTRACT).await.unwrap();
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
    world.telephone(CONTRACT, "2", SECOND, TEMPORARY).await;
    world.site().login(SECOND, TEMPORARY).await.unwrap();
}

/// IVR-4: after 3 a caller on the contract number is asked for the target and may name itself; a caller on an
/// additional number goes straight to its own.
#[tokio::test]
async fn administrators_name_a_target_and_users_do_not() {
    let world = World::start().await;
    world.telephone(CONTRACT, "3", CONTRACT, TEMPORARY).await;
    world.telephone(CONTRACT, "3", SECOND, TEMPORARY).await;
    let (mut call, _) = world.ivr().dial(FIRST).await.unwrap();
    let answer = call.keys("3").await.unwrap();
    assert_eq!(asked(&answer), Asked::Step(CallStep::Password));
    assert!(
        answer
            .guidance
            .iter()
            .any(|guidance| guidance.number == FIRST)
    );
    for account in [CONTRACT, SECOND] {
        world.site().login(account, TEMPORARY).await.unwrap();
    }
}

/// IVR-6: a mismatch is an invalid entry of the confirm step, which is asked again.
/// IVR-7: an invalid entry is answered with "again", silence counts, the third of one step ends the call, and
/// nothing has been changed; the count is per step.
#[tokio::test]
async fn three_invalid_entries_of_one_step_end_the_call() {
    let world = World::start().await;
    let (mut call, _) = world.ivr().dial(CONTRACT).await.unwrap();
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
    let line = world.operator().line(CONTRACT).await.unwrap();
    assert_eq!(line.unit(), AuthUnit::Unspecified);
    assert!(
        line.numbers
            .iter()
            .all(|number| number.credential_kind() == CredentialKind::None)
    );
}

/// IVR-9: a temporary password lives 24 hours from the moment it is set, to the second.
#[tokio::test]
async fn a_temporary_password_lives_twenty_four_hours() {
    let world = World::start().await;
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    world.wait(TimeDelta::hours(24) - TimeDelta::seconds(1));
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
    world.wait(TimeDelta::seconds(1));
    assert_eq!(
        refused(world.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
}

/// IVR-10: setting a temporary password retires the permanent one at once and for good, whether the temporary
/// one is used or not; setting one again replaces the earlier one.
#[tokio::test]
async fn a_call_retires_the_permanent_password_for_good() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    assert_eq!(
        refused(world.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    world.telephone(CONTRACT, "1", "", OTHER_TEMPORARY).await;
    assert_eq!(
        refused(world.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
    world.site().login(CONTRACT, OTHER_TEMPORARY).await.unwrap();
    world.wait(TimeDelta::hours(25));
    assert_eq!(
        refused(world.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// IVR-11: a caller whose number is withheld or unknown hears that the call cannot be accepted; a unit other
/// than the established one is an invalid entry.
#[tokio::test]
async fn callers_that_cannot_be_accepted() {
    let world = World::start().await;
    for caller in ["", NOBODY] {
        let (_, answer) = world.ivr().dial(caller).await.unwrap();
        assert_eq!(
            asked(&answer),
            Asked::Ended(CallOutcome::Refused),
            "{caller}"
        );
        assert_eq!(guidance(&answer), ["call-refused"]);
    }
    sqlx::query("UPDATE lines SET closed_time = now() WHERE contract_number = $1")
        .bind(STRANGER)
        .execute(&world.ledger().await)
        .await
        .unwrap();
    let (_, answer) = world.ivr().dial(STRANGER).await.unwrap();
    assert_eq!(asked(&answer), Asked::Ended(CallOutcome::Refused));

    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let (mut call, _) = world.ivr().dial(CONTRACT).await.unwrap();
    let answer = call.keys("2").await.unwrap();
    assert_eq!(guidance(&answer)[0], "invalid-entry");
    assert_eq!(asked(&answer), Asked::Step(CallStep::Unit));

    let (mut call, _) = world.ivr().dial(UNSUBSCRIBED).await.unwrap();
    let answer = call.keys("3").await.unwrap();
    assert_eq!(guidance(&answer)[0], "invalid-entry");
}

/// IVR-12: any replica takes any turn; the same turn sent twice is answered alike and counts once; what was
/// keyed is never in clear in Redis while the confirmation is awaited.
#[tokio::test]
async fn any_replica_takes_any_turn() {
    let replicas = BTreeMap::from([(Service::Issuance, 2)]);
    let world = World::with(Options {
        replicas,
        ..Options::default()
    })
    .await;
    let ivrs =
        [0, 1].map(|replica| Ivr::new(world.replica_as(Service::Issuance, replica, "gateway")));
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
        for (key, value) in super::sessions::dump(&world).await {
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
    .fetch_one(&world.ledger().await)
    .await
    .unwrap();
    assert_eq!(events, 1, "the last turn counted once");
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// IVR-12: an abandoned call leaves nothing but state that expires.
#[tokio::test]
async fn an_abandoned_call_leaves_nothing_that_stays() {
    let world = World::start().await;
    let (mut call, _) = world.ivr().dial(CONTRACT).await.unwrap();
    call.keys("1").await.unwrap();
    call.keys(TEMPORARY).await.unwrap();
    let mut redis = world.redis_connection().await;
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
    let line = world.operator().line(CONTRACT).await.unwrap();
    assert_eq!(line.unit(), AuthUnit::Unspecified);
}

/// IVR-13: a platform with a dialog of its own sets the password in one call, under the same rules.
#[tokio::test]
async fn one_call_sets_under_the_same_rules() {
    let world = World::start().await;
    let ivr = world.ivr();
    let set = ivr.set(FIRST, AuthUnit::Line, "", TEMPORARY).await.unwrap();
    assert_eq!(set.account_number, CONTRACT);
    let expires = world.now() + TimeDelta::hours(24);
    assert_eq!(set.expire_time.unwrap().seconds, expires.timestamp());
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();

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

/// IVR-7: whoever starts over has three entries again.
#[tokio::test]
async fn whoever_starts_over_begins_anew() {
    let world = World::start().await;
    for _ in 0..2 {
        let (mut call, _): (Call, _) = world.ivr().dial(CONTRACT).await.unwrap();
        call.keys("7").await.unwrap();
        call.keys("8").await.unwrap();
        assert_eq!(
            asked(&call.keys("9").await.unwrap()),
            Asked::Ended(CallOutcome::TooManyInvalid)
        );
    }
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
}
