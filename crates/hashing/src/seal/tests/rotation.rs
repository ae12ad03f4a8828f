//! Rotation of the key ring.

use super::{KeyRing, SealError, call_keys, sealing_ring, with_contexts};

fn key_line(id: &str) -> String {
    let text = KeyRing::generate_file_text(id, &mut rand::rng());
    text.lines().last().unwrap().to_owned()
}

/// INV-9: a rotation seals each hash again. The old key opens hashes until then, and can be removed after that.
#[test]
fn keys_rotate_by_sealing_again() {
    let (old, new) = (key_line("old"), key_line("new"));
    let parse = |text: &str| KeyRing::parse(text).unwrap();
    let before = parse(&format!("active = \"old\"\n[keys]\n{old}\n"));
    let during = parse(&format!("active = \"new\"\n[keys]\n{old}\n{new}\n"));
    let after = parse(&format!("active = \"new\"\n[keys]\n{new}\n"));
    with_contexts(|contexts| {
        let context = contexts[0];
        let sealed = sealing_ring(&before).seal(context, b"hash").unwrap();
        assert!(!during.is_current(&sealed));
        let opened = during.open(context, &sealed).unwrap();
        let again = sealing_ring(&during).seal(context, &opened).unwrap();
        assert!(during.is_current(&again));
        assert_eq!(after.open(context, &again).unwrap().as_slice(), b"hash");
        assert_eq!(after.open(context, &sealed), Err(SealError::UnknownKey));
        assert_eq!(before.open(context, &again), Err(SealError::UnknownKey));
    });
}

/// INV-9, IVR-12: a sealing ring has only the active key. Call keys have all of them, so a call survives a rotation.
#[test]
fn a_call_survives_a_rotation() {
    let (old, new) = (key_line("old"), key_line("new"));
    let ring =
        |active| KeyRing::parse(&format!("active = \"{active}\"\n[keys]\n{old}\n{new}\n")).unwrap();
    let (before, during) = (ring("old"), ring("new"));
    let call = call_keys(&before).seal("c", b"call").unwrap();
    assert_eq!(
        call_keys(&during).open("c", &call).unwrap().as_slice(),
        b"call"
    );
    let later = call_keys(&during).seal("c", b"call").unwrap();
    assert_eq!(
        call_keys(&before).open("c", &later).unwrap().as_slice(),
        b"call"
    );
    assert!(!during.sealing_ring_text().unwrap().contains("old"));
    let gone = KeyRing::parse(&format!("active = \"new\"\n[keys]\n{new}\n")).unwrap();
    assert_eq!(
        call_keys(&gone).open("c", &call),
        Err(SealError::UnknownKey)
    );
}
