use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use aikagi_domain::credential::Epoch;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use tempfile::TempDir;

use super::{Context, KeyRing, KeyRingError, SealError, key_id};

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

fn epoch(value: i64) -> Epoch {
    Epoch(value)
}

fn write(text: &str, mode: u32) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key-ring.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

fn load(text: &str) -> Result<KeyRing, KeyRingError> {
    let (_directory, path) = write(text, 0o600);
    KeyRing::load(&path)
}

fn key_line(id: &str) -> String {
    let text = KeyRing::generate_file_text(id, &mut rand::rng());
    text.lines().last().unwrap().to_owned()
}

#[test]
fn a_generated_key_ring_seals_and_opens() {
    let ring = load(&KeyRing::generate_file_text("2026-11", &mut rand::rng())).unwrap();
    let context = Context::Call { call_id: "call-1" };
    let sealed = ring.seal(context, b"12345678").unwrap();
    assert_eq!(key_id(&sealed), Some("2026-11"));
    assert!(ring.is_current(&sealed));
    assert_eq!(ring.open(context, &sealed).unwrap().as_slice(), b"12345678");
    assert_ne!(sealed, ring.seal(context, b"12345678").unwrap());
    assert!(!sealed.windows(8).any(|window| window == b"12345678"));
}

/// INV-9: a sealed hash opens only for the number, the epoch and the purpose for which it was sealed.
#[test]
fn a_value_opens_in_its_own_context_only() {
    let ring = load(&KeyRing::generate_file_text("k", &mut rand::rng())).unwrap();
    let (mine, other) = (number("0312345678"), number("0312345679"));
    let contexts = [
        Context::Permanent {
            number: &mine,
            epoch: epoch(7),
        },
        Context::Permanent {
            number: &mine,
            epoch: epoch(8),
        },
        Context::Permanent {
            number: &other,
            epoch: epoch(7),
        },
        Context::Temporary {
            number: &mine,
            epoch: epoch(7),
        },
        Context::Temporary {
            number: &mine,
            epoch: epoch(8),
        },
        Context::Temporary {
            number: &other,
            epoch: epoch(7),
        },
        Context::Call {
            call_id: "0312345678",
        },
        Context::Call { call_id: "" },
        Context::Session {
            digest: &TokenDigest([1; 32]),
        },
        Context::Session {
            digest: &TokenDigest([2; 32]),
        },
    ];
    for sealed_for in contexts {
        let sealed = ring.seal(sealed_for, b"hash").unwrap();
        for opened_for in contexts {
            let opened = ring.open(opened_for, &sealed);
            if opened_for == sealed_for {
                assert_eq!(opened.unwrap().as_slice(), b"hash");
            } else {
                assert_eq!(opened.unwrap_err(), SealError::Invalid);
            }
        }
    }
}

/// INV-9: a sealed value does not open after a byte was changed or bytes were cut off.
#[test]
fn an_altered_value_does_not_open() {
    let ring = load(&KeyRing::generate_file_text("k", &mut rand::rng())).unwrap();
    let context = Context::Call { call_id: "c" };
    let sealed = ring.seal(context, b"hash").unwrap();
    for position in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[position] ^= 1;
        assert!(ring.open(context, &altered).is_err(), "byte {position}");
        assert!(ring.open(context, &sealed[..position]).is_err());
    }
    assert_eq!(key_id(b""), None);
    assert_eq!(key_id(&[1, 9, b'k']), None);
}

/// INV-9: a rotation seals each value again. The old key opens values until then, and can be removed after that.
#[test]
fn keys_rotate_by_sealing_again() {
    let (old, new) = (key_line("old"), key_line("new"));
    let mine = number("0312345678");
    let context = Context::Permanent {
        number: &mine,
        epoch: epoch(7),
    };

    let before = load(&format!("active = \"old\"\n[keys]\n{old}\n")).unwrap();
    let sealed = before.seal(context, b"hash").unwrap();

    let during = load(&format!("active = \"new\"\n[keys]\n{old}\n{new}\n")).unwrap();
    assert!(!during.is_current(&sealed));
    let opened = during.open(context, &sealed).unwrap();
    let again = during.seal(context, &opened).unwrap();
    assert!(during.is_current(&again));

    let after = load(&format!("active = \"new\"\n[keys]\n{new}\n")).unwrap();
    assert_eq!(after.open(context, &again).unwrap().as_slice(), b"hash");
    assert_eq!(after.open(context, &sealed), Err(SealError::UnknownKey));
}

/// INV-9: a key ring that others can read is refused. The message names its path.
#[test]
fn a_file_that_others_can_read_is_refused() {
    let text = KeyRing::generate_file_text("k", &mut rand::rng());
    for mode in [0o640, 0o604, 0o660, 0o644] {
        let (_directory, path) = write(&text, mode);
        let refused = KeyRing::load(&path).unwrap_err();
        assert!(matches!(refused, KeyRingError::Exposed { .. }));
        assert!(refused.to_string().contains("key-ring.toml"));
    }
    let (_directory, path) = write(&text, 0o400);
    KeyRing::load(&path).unwrap();
}

/// INV-8: the message about a malformed key ring contains no key.
#[test]
fn a_malformed_file_is_refused_without_quoting_it() {
    for text in [
        "active = \"k\"",
        "[keys]\nk = \"c2VjcmV0\"",
        "active = \"k\"\n[keys]\nk = \"c2VjcmV0\"",
        "active = \"k\"\n[keys]\nk = \"%c2VjcmV0\"",
        "active = \"k\"\n[keys]\nk = c2VjcmV0",
        "active = \"k\"\nother = 1\n[keys]\nk = \"c2VjcmV0\"",
        "active = \"gone\"\n[keys]\n",
    ] {
        let refused = load(text).unwrap_err();
        assert!(matches!(refused, KeyRingError::Malformed { .. }), "{text}");
        assert!(!format!("{refused} {refused:?}").contains("c2VjcmV0"));
    }
    let missing = KeyRing::load(std::path::Path::new("nowhere/ring.toml")).unwrap_err();
    assert!(missing.to_string().contains("nowhere/ring.toml"));
    let ring = load(&KeyRing::generate_file_text("k", &mut rand::rng())).unwrap();
    assert_eq!(
        format!("{ring:?}"),
        "KeyRing { active: \"k\", keys: [\"k\"] }"
    );
}
