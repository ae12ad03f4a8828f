//! Values that a separate program made, in another language and from the description of the format. So neither a change
//! of our code nor a new version of a library can change the stored form unnoticed.

use std::convert::Infallible;

use aikagi_domain::credential::Epoch;
use data_encoding::HEXLOWER;
use hpke::{Deserializable as _, OpModeR, OpModeS, PskBundle, Serializable as _};
use rand::{TryCryptoRng, TryRng};

use super::{CallKeys, Context, HASH, KeyRing, SealError, call_keys, number, sealing_ring};

const RING: &str =
    "active = \"old\"\n[keys]\nold = \"dGhpcnR5LXR3byBieXRlcyBvZiBubyBzZWNyZXQgOik=\"\n";
const SEALING_RING: &str = "active = \"old\"\n\n[sealing]\n\
    public_key = \"oqc1/iwIg4WftRwteRNykhX7N8oKlyuzrIzhcQMItn4=\"\n\
    pre_shared_key = \"olxKHT/akvNv3gCq8mikJ6X0JNWpbJxfsSIjec3NO5c=\"\n";
const CALL_KEYS: &str =
    "active = \"old\"\n\n[calls]\nold = \"aLK0nWnvPfzgoaxMhVMoRlvbDPd42pArFKrii35ZyIs=\"\n";
/// [`HASH`] as version 0.1 sealed it.
const VERSION_1: &str = "01036f6c64000102030405060708090a0b0c0d0e0f10111213141516177ab6e6a0dec97994160007d09aa3a3b5cd\
    4da5df8779a12e45eb7a0a30eba61bc4a26d1233ac1ffb26ef474951f86ecb702158d24a3886d85605890bb368f6e27efd49c67f1b3857aa59\
    23a28e15b2ef73c190aaca8dc230b713eb5ed4c5db796c5daddefba679a13e6b725de0be5df835";
/// [`HASH`] in the present form.
const VERSION_2: &str = "02036f6c64b1f1b840de7a3241b02748cf9b05b74dc8c5e8451298738817bd76aa8ebe8c2b4a7ad428e10258bc1f\
    d7781bdf9d44a71d057a31d33d8a79465a38212b137fa007bd0edc67d31be8d645869e4b4e8bed8c9b8eb10b971abe4f2d11105d6bdc252b1e\
    15addef007cace83df343d08a596b6c64e2a3f1ebb3f237d32d79f8f8e707c6778f8511457e3e5eedc4490f7bb9bd4";
/// The record of a call, sealed with the call key.
const CALL: &str = "01036f6c64000102030405060708090a0b0c0d0e0f1011121314151617809a7626f2a48efbf7e332f0a5d66766c04a55\
    3eb6525f93";
/// The same record as version 0.1 sealed it, with the key of the ring.
const FORMER_CALL: &str = "01036f6c64000102030405060708090a0b0c0d0e0f10111213141516176fe5a7f384917cc5216a18d679f1fbcf\
    88ab504aaefd5e28";

pub(super) fn ring() -> KeyRing {
    KeyRing::parse(RING).unwrap()
}

pub(super) fn hash_of_version_1() -> Vec<u8> {
    bytes(VERSION_1)
}

/// The place of both hashes.
pub(super) fn with_context(test: impl FnOnce(Context<'_>)) {
    let number = number("0312345678");
    test(Context::Permanent {
        number: &number,
        epoch: Epoch(7),
    });
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    HEXLOWER.decode(hexadecimal.as_bytes()).unwrap()
}

/// INV-9: hashes that earlier versions sealed still open, but are not current. So the job `reseal` seals them again.
#[test]
fn a_hash_of_version_1_opens_and_is_not_current() {
    with_context(|context| {
        let sealed = bytes(VERSION_1);
        assert_eq!(ring().open(context, &sealed).unwrap().as_slice(), HASH);
        assert!(!ring().is_current(&sealed));
    });
}

/// INV-9: the form of a sealed hash is the one that is described.
#[test]
fn a_hash_of_version_2_opens_and_is_current() {
    with_context(|context| {
        let sealed = bytes(VERSION_2);
        assert_eq!(ring().open(context, &sealed).unwrap().as_slice(), HASH);
        assert!(ring().is_current(&sealed));
    });
}

/// INV-9: the keys of each purpose are derived as described, and the files have the described form.
#[test]
fn derived_keys_are_the_known_ones() {
    assert_eq!(ring().sealing_ring_text().unwrap().as_str(), SEALING_RING);
    assert_eq!(ring().call_keys_text().unwrap().as_str(), CALL_KEYS);
    with_context(|context| {
        let sealed = sealing_ring(&ring()).seal(context, HASH).unwrap();
        assert_eq!(ring().open(context, &sealed).unwrap().as_slice(), HASH);
    });
}

/// IVR-12: call keys open what they sealed. They do not open a record of version 0.1. The caller of such a call must
/// dial again.
#[test]
fn a_call_of_an_earlier_version_does_not_open() {
    let keys = CallKeys::parse(CALL_KEYS).unwrap();
    assert_eq!(
        keys.open("call-0001", &bytes(CALL)).unwrap().as_slice(),
        b"12345678"
    );
    let former = bytes(FORMER_CALL);
    for keys in [keys, call_keys(&ring())] {
        assert_eq!(keys.open("call-0001", &former), Err(SealError::Invalid));
    }
}

/// Returns the bytes of a test vector in place of random ones.
struct Known([u8; 32]);

impl TryRng for Known {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("the library reads only bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("the library reads only bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Known {}

/// RFC 9180, appendix A.2.2: the library computes the test vector of our suite in the mode with a pre-shared key.
#[test]
fn the_library_computes_the_test_vector_of_the_rfc() {
    type Kem = hpke::kem::X25519HkdfSha256;
    type Kdf = hpke::kdf::HkdfSha256;
    type Aead = hpke::aead::ChaCha20Poly1305;
    let ephemeral = bytes("35706a0b09fb26fb45c39c2f5079c709c7cf98e43afa973f14d88ece7e29c2e3");
    let recipient = bytes("26b923eade72941c8a85b09986cdfa3f1296852261adedc52d58d2930269812b");
    let key = bytes("0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82");
    let encapsulated = bytes("2261299c3f40a9afc133b969a97f05e95be2c514e54f3de26cbe5644ac735b04");
    let ciphertext = bytes(
        "4a177f9c0d6f15cfdf533fb65bf84aecdc6ab16b8b85b4cf65a370e07fc1d78d28fb073214525276f4a89608ff",
    );
    let (key_id, info) = (
        b"Ennyn Durin aran Moria".as_slice(),
        b"Ode on a Grecian Urn".as_slice(),
    );
    let (plain, data) = (b"Beauty is truth, truth beauty".as_slice(), b"Count-0");

    let (private, public) = <Kem as hpke::Kem>::derive_keypair(&recipient);
    let bundle = PskBundle::new(&key, key_id).unwrap();
    let mut rng = Known(ephemeral.try_into().unwrap());
    let sealed = hpke::single_shot_seal_with_rng::<Aead, Kdf, Kem>(
        &OpModeS::Psk(bundle),
        &public,
        info,
        plain,
        data,
        &mut rng,
    )
    .unwrap();
    assert_eq!(sealed.0.to_bytes().as_slice(), encapsulated);
    assert_eq!(sealed.1, ciphertext);
    let opened = hpke::single_shot_open::<Aead, Kdf, Kem>(
        &OpModeR::Psk(bundle),
        &private,
        &<Kem as hpke::Kem>::EncappedKey::from_bytes(&encapsulated).unwrap(),
        info,
        &ciphertext,
        data,
    )
    .unwrap();
    assert_eq!(opened, plain);
}
