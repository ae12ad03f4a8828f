use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn temporary() -> Credential {
    let rules = CredentialRules::default();
    Credential {
        kind: CredentialKind::Temporary,
        epoch: Epoch(7),
        failures: 0,
        killed: false,
        temporary_expires: Some(rules.temporary_expires(at(0))),
        changed: Some(at(-DAY)),
    }
}

fn permanent() -> Credential {
    Credential {
        kind: CredentialKind::Permanent,
        epoch: Epoch(8),
        failures: 0,
        killed: false,
        temporary_expires: None,
        changed: Some(at(0)),
    }
}

/// IVR-9: a temporary password is live for exactly 24 hours.
#[test]
fn a_temporary_password_is_live_for_exactly_a_day() {
    let rules = CredentialRules::default();
    let expires = at(24 * HOUR);
    assert_eq!(
        temporary().live(at(0), &rules),
        LiveSecret::Temporary { expires }
    );
    assert_eq!(
        temporary().live(at(24 * HOUR - 1), &rules),
        LiveSecret::Temporary { expires }
    );
    assert_eq!(
        temporary().live(at(24 * HOUR), &rules),
        LiveSecret::None(NoSecretReason::Expired)
    );
}

/// PW-3: exactly 60 days after its last change a permanent password is expired but still live.
#[test]
fn a_permanent_password_expires_after_sixty_days() {
    let rules = CredentialRules::default();
    let expires = at(60 * DAY);
    for (now, expired) in [
        (0, false),
        (60 * DAY - 1, false),
        (60 * DAY, true),
        (900 * DAY, true),
    ] {
        assert_eq!(
            permanent().live(at(now), &rules),
            LiveSecret::Permanent { expires, expired }
        );
    }
}

/// LOGIN-7: the kind alone decides which of the two passwords can be live. A temporary password retires the permanent
/// one. The permanent password stays retired, even after the temporary password has expired or was killed (IVR-10).
#[test]
fn a_retired_permanent_password_stays_retired() {
    let rules = CredentialRules::default();
    let killed = Credential {
        killed: true,
        ..temporary()
    };
    assert_eq!(
        killed.live(at(1), &rules),
        LiveSecret::None(NoSecretReason::Killed)
    );
    assert_eq!(
        temporary().live(at(2 * DAY), &rules),
        LiveSecret::None(NoSecretReason::Expired)
    );
    let none = Credential {
        kind: CredentialKind::None,
        temporary_expires: None,
        ..temporary()
    };
    assert_eq!(
        none.live(at(1), &rules),
        LiveSecret::None(NoSecretReason::NeverSet)
    );
}

/// LOGIN-2: a temporary password has three attempts, a permanent one ten. A killed password has none.
#[test]
fn the_kind_sets_the_limit() {
    let rules = CredentialRules::default();
    for (credential, limit) in [(temporary(), 3), (permanent(), 10)] {
        assert_eq!(credential.limit(&rules), limit);
        for failures in 0..limit + 2 {
            let credential = Credential {
                failures,
                ..credential.clone()
            };
            assert_eq!(credential.may_be_tried(at(1), &rules), failures < limit);
        }
        let killed = Credential {
            killed: true,
            ..credential
        };
        assert!(!killed.may_be_tried(at(1), &rules));
        assert_eq!(
            killed.live(at(1), &rules),
            LiveSecret::None(NoSecretReason::Killed)
        );
    }
    assert_eq!(rules.limit(CredentialKind::None), 0);
}

/// LOGIN-2, IVR-9, PW-3: limits and lifetimes are settings.
#[test]
fn the_rules_are_settings() {
    let rules: CredentialRules =
        serde_json::from_str(r#"{"temporary_attempts": 5, "temporary_lifetime": "2h"}"#).unwrap();
    let expected = CredentialRules {
        temporary_attempts: 5,
        temporary_lifetime: TimeDelta::hours(2),
        ..CredentialRules::default()
    };
    assert_eq!(rules, expected);
    let text = serde_json::to_string(&CredentialRules::default()).unwrap();
    assert_eq!(
        serde_json::from_str::<CredentialRules>(&text).unwrap(),
        CredentialRules::default()
    );
    for wrong in [
        r#"{"temporary_lifetime": "0s"}"#,
        r#"{"temporary_lifetime": "soon"}"#,
        r#"{"lives": 9}"#,
    ] {
        assert!(
            serde_json::from_str::<CredentialRules>(wrong).is_err(),
            "{wrong}"
        );
    }
}

/// LOGIN-7: the names of the kinds in the ledger are parsed back.
#[test]
fn names_are_parsed_back() {
    for kind in CredentialKind::ALL {
        assert_eq!(CredentialKind::parse(kind.as_str()), Ok(kind));
    }
    assert_eq!(CredentialKind::parse("temporary"), Err(UnknownName));
}

proptest! {
    /// LOGIN-7: for any row, a live secret has the row's kind and is not killed. A live temporary password has not
    /// expired.
    #[test]
    fn at_most_one_secret_is_live(
        kind in 0usize..3,
        killed: bool,
        failures in 0u32..12,
        expires in prop::option::of(-100i64..100),
        changed in prop::option::of(-100i64..100),
        now in -200 * DAY..200 * DAY,
    ) {
        let credential = Credential {
            kind: CredentialKind::ALL[kind],
            epoch: Epoch(1),
            failures,
            killed,
            temporary_expires: expires.map(|days| at(days * DAY)),
            changed: changed.map(|days| at(days * DAY)),
        };
        match credential.live(at(now), &CredentialRules::default()) {
            LiveSecret::None(_) => {}
            LiveSecret::Temporary { expires } => {
                prop_assert!(credential.kind == CredentialKind::Temporary && !killed && at(now) < expires);
            }
            LiveSecret::Permanent { expires, expired } => {
                prop_assert!(credential.kind == CredentialKind::Permanent && !killed);
                prop_assert_eq!(expired, at(now) >= expires);
            }
        }
    }
}
