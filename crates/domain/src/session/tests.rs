use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::credential::NoSecretReason;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

fn proven() -> ProvenAccount {
    ProvenAccount {
        account: TelephoneNumber::parse("0311110001").unwrap(),
        line_id: 5,
        epoch: Epoch(7),
        generation: 2,
        last_login: Some(at(-HOUR)),
        wrong_attempts: 1,
        device: DeviceClass::Phone,
    }
}

fn state() -> AccountState {
    AccountState {
        line_id: 5,
        epoch: Epoch(7),
        generation: 2,
        role: Some(Role::Line),
        line_closed: false,
        ended: false,
    }
}

fn permanent(expired: bool) -> LiveSecret {
    LiveSecret::Permanent {
        expires: at(if expired { 0 } else { HOUR }),
        expired,
    }
}

fn open(live: LiveSecret) -> SessionRecord {
    SessionRecord::open(proven(), live, at(0), &SessionRules::default()).unwrap()
}

/// LOGIN-1, PW-3, PW-4: a temporary password or an expired permanent one opens a must-change session.
#[test]
fn the_live_secret_decides_the_kind_of_session() {
    let temporary = LiveSecret::Temporary { expires: at(HOUR) };
    assert_eq!(open(temporary).must_change, Some(MustChange::Temporary));
    assert_eq!(open(permanent(true)).must_change, Some(MustChange::Expired));
    assert_eq!(open(permanent(false)).must_change, None);
    for why in [
        NoSecretReason::NeverSet,
        NoSecretReason::Killed,
        NoSecretReason::Expired,
    ] {
        let opened = SessionRecord::open(
            proven(),
            LiveSecret::None(why),
            at(0),
            &SessionRules::default(),
        );
        assert_eq!(opened, None);
    }
}

/// LOGIN-1, PW-4, MIG-7, SESS-7, SESS-8: a must-change session may only change the password, log out and be viewed.
#[test]
fn a_must_change_session_may_only_change_the_password() {
    let all = [
        SessionAction::ChangePassword,
        SessionAction::Logout,
        SessionAction::View,
        SessionAction::ChangeSettings,
        SessionAction::Migrate,
        SessionAction::ManageSessions,
        SessionAction::ViewEvents,
    ];
    for live in [LiveSecret::Temporary { expires: at(HOUR) }, permanent(true)] {
        let allowed = all.map(|action| open(live).may(action));
        assert_eq!(allowed, [true, true, true, false, false, false, false]);
    }
    assert!(all.iter().all(|action| open(permanent(false)).may(*action)));
}

/// SESS-1: a session ends after 12 hours at the latest. If a temporary password opened it, it ends at the latest
/// when that password expires.
#[test]
fn a_session_has_a_maximum_age() {
    assert_eq!(open(permanent(false)).ends, at(12 * HOUR));
    assert_eq!(
        open(LiveSecret::Temporary { expires: at(HOUR) }).ends,
        at(HOUR)
    );
    assert_eq!(
        open(LiveSecret::Temporary {
            expires: at(24 * HOUR)
        })
        .ends,
        at(12 * HOUR)
    );
    let (session, rules) = (open(permanent(false)), SessionRules::default());
    assert_eq!(
        session.check(at(12 * HOUR - 1), at(12 * HOUR - 2), &state(), &rules),
        Ok(())
    );
    let over = session.check(at(12 * HOUR), at(12 * HOUR - 1), &state(), &rules);
    assert_eq!(over, Err(SessionEnded::TooOld));
}

/// SESS-1: a session ends after 15 minutes without use.
#[test]
fn an_unused_session_ends() {
    let (session, rules) = (open(permanent(false)), SessionRules::default());
    assert_eq!(rules.idle_expires(at(0)), at(15 * MINUTE));
    assert_eq!(
        session.check(at(15 * MINUTE - 1), at(0), &state(), &rules),
        Ok(())
    );
    assert_eq!(
        session.check(at(15 * MINUTE), at(0), &state(), &rules),
        Err(SessionEnded::Idle)
    );
    assert_eq!(
        session.check(at(HOUR), at(50 * MINUTE), &state(), &rules),
        Ok(())
    );
}

/// SESS-2, INV-1, INV-3: a session ends if the ledger has another epoch, another generation or
/// another line for its account. It also ends if its account has no role any more, if its line is
/// closed, or if its logout is recorded.
/// The content of the session store does not matter.
#[test]
fn the_ledger_ends_a_session() {
    let session = open(permanent(false));
    for (state, why) in [
        (
            AccountState {
                epoch: Epoch(8),
                ..state()
            },
            SessionEnded::Superseded,
        ),
        (
            AccountState {
                epoch: Epoch(6),
                ..state()
            },
            SessionEnded::Superseded,
        ),
        (
            AccountState {
                generation: 3,
                ..state()
            },
            SessionEnded::LoggedOut,
        ),
        (
            AccountState {
                ended: true,
                ..state()
            },
            SessionEnded::LoggedOut,
        ),
        (
            AccountState {
                role: None,
                ..state()
            },
            SessionEnded::NoAccount,
        ),
        (
            AccountState {
                line_closed: true,
                ..state()
            },
            SessionEnded::NoAccount,
        ),
        (
            AccountState {
                line_id: 6,
                ..state()
            },
            SessionEnded::NoAccount,
        ),
    ] {
        assert_eq!(
            session.check(at(1), at(0), &state, &SessionRules::default()),
            Err(why)
        );
    }
}

/// SESS-2: the session that changed the password continues as a full session. Its age does not start
/// again. The record from before the change has ended.
#[test]
fn a_session_continues_after_a_change_of_password() {
    let (session, rules) = (
        open(LiveSecret::Temporary { expires: at(HOUR) }),
        SessionRules::default(),
    );
    let rotated = session.rotate(Epoch(9), &rules);
    assert_eq!((rotated.must_change, rotated.ends), (None, at(12 * HOUR)));
    let changed = AccountState {
        epoch: Epoch(9),
        ..state()
    };
    assert_eq!(rotated.check(at(1), at(0), &changed, &rules), Ok(()));
    assert_eq!(
        session.check(at(1), at(0), &changed, &rules),
        Err(SessionEnded::Superseded)
    );
}

/// SESS-3: a token is 256 random bits. Its text form is parsed back, and equal tokens have equal digests.
#[test]
fn tokens_are_random_and_have_a_digest() {
    let mut rng = StdRng::seed_from_u64(1);
    let (one, other) = (
        SessionToken::generate(&mut rng),
        SessionToken::generate(&mut rng),
    );
    assert_ne!(one, other);
    assert_ne!(one.digest(), other.digest());
    assert_eq!(one.as_text().len(), 43);
    let again = SessionToken::parse(&one.as_text()).unwrap();
    assert_eq!((&again, again.digest()), (&one, one.digest()));
    for wrong in [
        "",
        "abc",
        &"A".repeat(42),
        &"A".repeat(44),
        &"A".repeat(5_000),
        &"%".repeat(43),
    ] {
        assert_eq!(
            SessionToken::parse(wrong),
            Err(SessionTokenError),
            "{wrong}"
        );
    }
    assert_eq!(
        SessionToken::parse(&format!("{}B", "A".repeat(42))),
        Err(SessionTokenError)
    );
}

/// INV-8: tokens and digests are never printed. The number in a record is printed masked.
#[test]
fn tokens_are_never_printed() {
    let token = SessionToken::generate(&mut StdRng::seed_from_u64(1));
    assert_eq!(
        format!("{token:?} {:?}", token.digest()),
        "SessionToken(..) TokenDigest(..)"
    );
    assert!(!format!("{:?}", open(permanent(false))).contains("0311110001"));
}

/// SESS-5: a revision identifies the version of the line and the epoch of the credential.
#[test]
fn a_revision_changes_with_line_and_credential() {
    assert_eq!(revision(3, Epoch(7)), "3-7");
    assert_ne!(revision(4, Epoch(7)), revision(3, Epoch(7)));
    assert_ne!(revision(3, Epoch(8)), revision(3, Epoch(7)));
}

/// SESS-1: a stored session is read back unchanged, and lifetimes are settings.
#[test]
fn a_stored_session_is_read_back() {
    let session = open(LiveSecret::Temporary { expires: at(HOUR) });
    let text = serde_json::to_string(&session).unwrap();
    assert_eq!(
        serde_json::from_str::<SessionRecord>(&text).unwrap(),
        session
    );
    let rules: SessionRules = serde_json::from_str(r#"{"idle": "5m"}"#).unwrap();
    assert_eq!(
        rules,
        SessionRules {
            idle: TimeDelta::minutes(5),
            ..SessionRules::default()
        }
    );
}

/// SESS-7: a session keeps the class of its device, also under a new token. A record of version 0.1, and a class of a later
/// version, are read as another device.
#[test]
fn a_session_keeps_the_class_of_its_device() {
    let session = open(permanent(false));
    assert_eq!(session.device, DeviceClass::Phone);
    let rotated = session.rotate(Epoch(8), &SessionRules::default());
    assert_eq!(rotated.device, DeviceClass::Phone);
    let mut stored = serde_json::to_value(&session).unwrap();
    assert_eq!(stored["device"], "PHONE");
    stored["device"] = "WATCH".into();
    let later: SessionRecord = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(later.device, DeviceClass::Other);
    stored.as_object_mut().unwrap().remove("device");
    let old: SessionRecord = serde_json::from_value(stored).unwrap();
    assert_eq!(old.device, DeviceClass::Other);
}

/// SESS-3, SESS-7: the id of a session is no part of its token or digest, and differs for each session.
#[test]
fn a_session_id_shows_nothing_of_the_token() {
    let mut rng = StdRng::seed_from_u64(7);
    let (one, other) = (
        SessionToken::generate(&mut rng),
        SessionToken::generate(&mut rng),
    );
    let id = one.digest().session_id();
    assert_eq!(id, one.digest().session_id());
    assert_ne!(id, other.digest().session_id());
    let text = id.as_text();
    assert_eq!(text.len(), 22);
    assert_eq!(SessionId::parse(&text), Ok(id));
    assert!(
        !one.digest()
            .0
            .windows(8)
            .any(|part| text_bytes(&text).starts_with(part))
    );
    for wrong in [
        "",
        "x",
        &text[1..],
        &format!("{text}A"),
        &one.as_text(),
        "*",
    ] {
        assert_eq!(SessionId::parse(wrong), Err(SessionIdError), "{wrong}");
    }
}

fn text_bytes(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .unwrap()
}
