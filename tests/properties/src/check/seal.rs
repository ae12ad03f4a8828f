use std::sync::LazyLock;

use aikagi_domain::credential::Epoch;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::{CallKeys, Context, KeyRing, SealError, SealingRing, key_id};
use arbitrary::{Arbitrary, Unstructured};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use zeroize::Zeroizing;

/// A key ring, and the keys that are derived from it.
struct Keys {
    ring: KeyRing,
    sealing: SealingRing,
    calls: CallKeys,
}

/// Two key rings with the same two keys. In the first the key `old` is active, in the second the key `new`.
static RINGS: LazyLock<[Keys; 2]> = LazyLock::new(|| {
    let [old, new] = keys(9);
    [ring(&old, &new), ring(&new, &old)]
});
/// A key ring with other keys under the same ids. The check tries to open made-up values with it.
/// It must never seal a value: the fuzzer sees the bytes that the program compares, so it could copy
/// the sealed value and present it as a made-up one.
static UNUSED: LazyLock<Keys> = LazyLock::new(|| {
    let [old, new] = keys(10);
    ring(&old, &new)
});

fn keys(seed: u64) -> [Zeroizing<String>; 2] {
    let mut rng = StdRng::seed_from_u64(seed);
    ["old", "new"].map(|id| KeyRing::generate_file_text(id, &mut rng))
}

fn ring(active: &str, other: &str) -> Keys {
    let key = other.lines().last().expect("the file has a key");
    let ring = KeyRing::parse(&format!("{active}{key}")).expect("the key ring can be parsed");
    let sealing = ring.sealing_ring_text().expect("the file can be written");
    let calls = ring.call_keys_text().expect("the file can be written");
    Keys {
        sealing: SealingRing::parse(&sealing).expect("the sealing ring can be parsed"),
        calls: CallKeys::parse(&calls).expect("the call keys can be parsed"),
        ring,
    }
}

impl Keys {
    fn seal(&self, target: &SealTarget<'_>, plain: &[u8]) -> Vec<u8> {
        match target {
            SealTarget::Permanent(last, epoch) => {
                self.sealing.seal(permanent(&number(*last), *epoch), plain)
            }
            SealTarget::Temporary(last, epoch) => {
                self.sealing.seal(temporary(&number(*last), *epoch), plain)
            }
            SealTarget::Call(call_id) => self.calls.seal(call_id, plain),
            SealTarget::Session(digest) => self.ring.seal_session(&TokenDigest(*digest), plain),
        }
        .expect("the value is sealed")
    }

    fn open(
        &self,
        target: &SealTarget<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match target {
            SealTarget::Permanent(last, epoch) => {
                self.ring.open(permanent(&number(*last), *epoch), sealed)
            }
            SealTarget::Temporary(last, epoch) => {
                self.ring.open(temporary(&number(*last), *epoch), sealed)
            }
            SealTarget::Call(call_id) => self.calls.open(call_id, sealed),
            SealTarget::Session(digest) => self.ring.open_session(&TokenDigest(*digest), sealed),
        }
    }
}

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    with_new: bool,
    target: SealTarget<'a>,
    elsewhere: SealTarget<'a>,
    plain: &'a [u8],
    harms: Vec<Harm<'a>>,
    cut: Option<u16>,
    made_up: &'a [u8],
}

/// The place for which a value is sealed.
#[derive(Debug, PartialEq, Eq, Arbitrary)]
enum SealTarget<'a> {
    Permanent(u8, i64),
    Temporary(u8, i64),
    Call(&'a str),
    Session([u8; 32]),
}

/// A change to a sealed value.
#[derive(Debug, Arbitrary)]
enum Harm<'a> {
    /// The byte at an index is combined with another one by XOR.
    Changed(u16, u8),
    /// Bytes are added at the end.
    Longer(&'a [u8]),
}

/// INV-9: only an unchanged sealed value can be opened, and only in its own context.
pub fn seal(bytes: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let [one, other] = &*RINGS;
    let keys = if input.with_new { other } else { one };
    let sealed = keys.seal(&input.target, input.plain);
    assert_eq!(
        key_id(&sealed),
        Some(if input.with_new { "new" } else { "old" })
    );
    let is_hash = match input.target {
        SealTarget::Permanent(..) | SealTarget::Temporary(..) => true,
        SealTarget::Call(_) | SealTarget::Session(_) => false,
    };
    assert_eq!(keys.ring.is_current(&sealed), is_hash);
    assert_eq!(one.ring.is_current(&sealed), is_hash && !input.with_new);
    for keys in [one, other] {
        let opened = keys.open(&input.target, &sealed);
        assert_eq!(opened.expect("the value is opened").as_slice(), input.plain);
    }
    if input.elsewhere != input.target {
        let opened = keys.open(&input.elsewhere, &sealed);
        assert_eq!(opened.err(), Some(SealError::Invalid));
    }
    assert!(UNUSED.open(&input.target, input.made_up).is_err());
    let mut harmed = sealed.clone();
    for harm in &input.harms {
        harm.apply_to(&mut harmed);
    }
    if let Some(cut) = input.cut {
        harmed.truncate(cut.into());
    }
    if harmed != sealed {
        assert!(keys.open(&input.target, &harmed).is_err());
    }
}

fn permanent(number: &TelephoneNumber, epoch: i64) -> Context<'_> {
    let epoch = Epoch(epoch);
    Context::Permanent { number, epoch }
}

fn temporary(number: &TelephoneNumber, epoch: i64) -> Context<'_> {
    let epoch = Epoch(epoch);
    Context::Temporary { number, epoch }
}

fn number(last: u8) -> TelephoneNumber {
    TelephoneNumber::parse(&format!("0311110{last:03}")).expect("the number is valid")
}

impl Harm<'_> {
    fn apply_to(&self, sealed: &mut Vec<u8>) {
        match self {
            Self::Changed(at, by) => {
                let length = sealed.len().max(1);
                if let Some(byte) = sealed.get_mut(usize::from(*at) % length) {
                    *byte ^= by;
                }
            }
            Self::Longer(bytes) => sealed.extend_from_slice(bytes),
        }
    }
}
