//! Tests of sealing. [`known`] compares with values that another program made.

mod files;
mod known;
mod rotation;

use aikagi_domain::credential::Epoch;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use hpke::{Deserializable as _, OpModeS, PskBundle, Serializable as _};

use super::{CallKeys, Context, KeyRing, SealError, SealingRing, key_id};
use crate::Hash;

/// Tells whether a value opens.
type Opens<'a> = &'a dyn Fn(&[u8]) -> bool;

/// A hash as the pool makes it.
const HASH: &[u8] = b"$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcy4uLg$T3VyIGhhc2ggaXMgMzIgYnl0ZXMgbG9uZywgc2lyISE";

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

/// A key ring with one new key.
fn ring() -> KeyRing {
    KeyRing::parse(&KeyRing::generate_file_text("k", &mut rand::rng())).unwrap()
}

/// What the services that only seal get.
fn sealing_ring(ring: &KeyRing) -> SealingRing {
    SealingRing::parse(&ring.sealing_ring_text().unwrap()).unwrap()
}

fn call_keys(ring: &KeyRing) -> CallKeys {
    CallKeys::parse(&ring.call_keys_text().unwrap()).unwrap()
}

/// Places of hashes: each combination of two numbers, two epochs, and the two kinds of password.
fn with_contexts(test: impl FnOnce(&[Context<'_>])) {
    let (mine, other) = (number("0312345678"), number("0312345679"));
    let mut contexts = Vec::new();
    for number in [&mine, &other] {
        for epoch in [Epoch(7), Epoch(8)] {
            contexts.push(Context::Permanent { number, epoch });
            contexts.push(Context::Temporary { number, epoch });
        }
    }
    test(&contexts);
}

/// INV-9: the key ring opens what a sealing ring seals, and what the key ring itself seals.
#[test]
fn the_key_ring_opens_what_the_sealing_ring_seals() {
    let ring = ring();
    let hash = Hash::parse(HASH).unwrap();
    with_contexts(|contexts| {
        for context in contexts {
            let by_sealer = sealing_ring(&ring).seal_hash(*context, &hash).unwrap();
            let by_ring = ring.seal_hash(*context, &hash).unwrap();
            for sealed in [&by_sealer, &by_ring] {
                assert_eq!(key_id(sealed), Some("k"));
                assert!(ring.is_current(sealed));
                assert_eq!(ring.open_hash(*context, sealed).unwrap(), hash);
                assert!(!sealed.windows(8).any(|window| window == &HASH[..8]));
            }
            assert_ne!(by_sealer, by_ring);
        }
    });
}

/// INV-9: a sealed hash opens only for the number, the epoch and the purpose for which it was sealed.
#[test]
fn a_hash_opens_in_its_own_context_only() {
    let ring = ring();
    let sealing = sealing_ring(&ring);
    with_contexts(|contexts| {
        for sealed_for in contexts {
            let sealed = sealing.seal(*sealed_for, b"hash").unwrap();
            for opened_for in contexts {
                let opened = ring.open(*opened_for, &sealed);
                if opened_for == sealed_for {
                    assert_eq!(opened.unwrap().as_slice(), b"hash");
                } else {
                    assert_eq!(opened.unwrap_err(), SealError::Invalid);
                }
            }
        }
    });
}

/// INV-9, INV-3: the record of a session or a call opens for its own session or call only. A record
/// does not open as a hash or as the other kind of record, and a hash does not open as a record.
#[test]
fn a_record_opens_in_its_own_place_only() {
    let ring = ring();
    let calls = call_keys(&ring);
    let [one, two] = [TokenDigest([1; 32]), TokenDigest([2; 32])];
    let session = ring.seal_session(&one, b"session").unwrap();
    assert_eq!(
        ring.open_session(&one, &session).unwrap().as_slice(),
        b"session"
    );
    assert_eq!(ring.open_session(&two, &session), Err(SealError::Invalid));

    let call = calls.seal("call-1", b"call").unwrap();
    assert_eq!(calls.open("call-1", &call).unwrap().as_slice(), b"call");
    assert_eq!(calls.open("call-2", &call), Err(SealError::Invalid));
    assert_eq!(calls.open("", &call), Err(SealError::Invalid));
    assert_eq!(ring.open_session(&one, &call), Err(SealError::Invalid));
    assert_eq!(calls.open("call-1", &session), Err(SealError::Invalid));

    with_contexts(|contexts| {
        let hash = ring.sealing_ring().seal(contexts[0], b"hash").unwrap();
        assert_eq!(ring.open_session(&one, &hash), Err(SealError::Invalid));
        assert_eq!(calls.open("call-1", &hash), Err(SealError::Invalid));
        for record in [&session, &call] {
            assert_eq!(ring.open(contexts[0], record), Err(SealError::Invalid));
            assert!(!ring.is_current(record));
        }
    });
}

/// INV-9: a sealed value does not open after a byte was changed or bytes were cut off.
#[test]
fn an_altered_value_does_not_open() {
    let ring = ring();
    let calls = call_keys(&ring);
    let digest = TokenDigest([1; 32]);
    with_contexts(|contexts| {
        let context = contexts[0];
        let hash = ring.sealing_ring().seal(context, b"hash").unwrap();
        let session = ring.seal_session(&digest, b"session").unwrap();
        let call = calls.seal("c", b"call").unwrap();
        let values: [(&[u8], Opens<'_>); 3] = [
            (&hash, &|sealed| ring.open(context, sealed).is_ok()),
            (&session, &|sealed| {
                ring.open_session(&digest, sealed).is_ok()
            }),
            (&call, &|sealed| calls.open("c", sealed).is_ok()),
        ];
        for (sealed, opens) in values {
            assert!(opens(sealed));
            for position in 0..sealed.len() {
                for change in [0x01, 0x80] {
                    let mut altered = sealed.to_vec();
                    altered[position] ^= change;
                    assert!(!opens(&altered), "byte {position}");
                }
                assert!(!opens(&sealed[..position]), "{position} bytes");
            }
        }
    });
    assert_eq!(key_id(b""), None);
    assert_eq!(key_id(&[1, 9, b'k']), None);
    assert_eq!(key_id(&[3, 1, b'k']), None);
}

/// INV-9: whoever can write to a store and knows the public key cannot seal a hash of his own. The pre-shared key is
/// missing.
#[test]
fn a_public_key_alone_seals_nothing_that_opens() {
    type Kem = hpke::kem::X25519HkdfSha256;
    let ring = ring();
    let text = ring.sealing_ring_text().unwrap();
    let mut text: toml::Table = toml::from_str(&text).unwrap();
    let own = KeyRing::generate_file_text("k", &mut rand::rng());
    let own: toml::Table = toml::from_str(&own).unwrap();
    let public = super::file::Text::parse(&text.to_string()).unwrap();
    let public = public.sealing.unwrap().public_key.decode().unwrap();
    let public = <Kem as hpke::Kem>::PublicKey::from_bytes(public.as_slice()).unwrap();
    let sealing = text["sealing"].as_table_mut().unwrap();
    sealing.insert("pre_shared_key".to_owned(), own["keys"]["k"].clone());
    let stranger = SealingRing::parse(&text.to_string()).unwrap();

    with_contexts(|contexts| {
        let context = contexts[0];
        let forged = stranger.seal(context, HASH).unwrap();
        assert_eq!(ring.open(context, &forged), Err(SealError::Invalid));

        let header = [2, 1, b'k'];
        let data = super::context::Binding::Hash(context).associated_data(&header);
        let of_zeros = PskBundle::new(&[0; 32], b"k").unwrap();
        for mode in [OpModeS::Base, OpModeS::Psk(of_zeros)] {
            let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<
                hpke::aead::ChaCha20Poly1305,
                hpke::kdf::HkdfSha256,
                Kem,
            >(
                &mode,
                &public,
                b"aikagi.seal hash",
                HASH,
                &data,
                &mut rand::rng(),
            )
            .unwrap();
            let forged = [
                &header[..],
                encapsulated.to_bytes().as_slice(),
                ciphertext.as_slice(),
            ]
            .concat();
            assert_eq!(ring.open(context, &forged), Err(SealError::Invalid));
        }
    });
}

/// INV-10: each of these costs exactly one opening: an account without a hash, a hash in the present form, the same
/// hash in a wrong place, and a hash in the stored form of version 1.
#[test]
fn every_opening_is_one_opening() {
    let ring = ring();
    ring.open_decoy();
    assert_eq!(ring.opened(), 1);
    with_contexts(|contexts| {
        let sealed = ring.sealing_ring().seal(contexts[0], HASH).unwrap();
        ring.open(contexts[0], &sealed).unwrap();
        assert_eq!(ring.opened(), 2);
        ring.open(contexts[1], &sealed).unwrap_err();
        assert_eq!(ring.opened(), 3);
    });
    let known = known::ring();
    known::with_context(|context| {
        known.open(context, &known::hash_of_version_1()).unwrap();
        assert_eq!(known.opened(), 1);
    });
}

/// INV-8: no output shows a key.
#[test]
fn debug_output_shows_no_key() {
    let ring = ring();
    assert_eq!(
        format!("{ring:?}"),
        "KeyRing { active: \"k\", keys: [\"k\"] }"
    );
    assert_eq!(
        format!("{:?}", sealing_ring(&ring)),
        "SealingRing { active: \"k\", .. }"
    );
    assert_eq!(
        format!("{:?}", call_keys(&ring)),
        "CallKeys { active: \"k\", keys: [\"k\"] }"
    );
}
