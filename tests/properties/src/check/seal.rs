use std::io::Write as _;
use std::sync::LazyLock;

use aikagi_domain::credential::Epoch;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::{Context, KeyRing, SealError, key_id};
use arbitrary::{Arbitrary, Unstructured};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use zeroize::Zeroizing;

/// Two key rings with the same two keys. In the first the key `old` is active, in the second the key `new`.
static RINGS: LazyLock<[KeyRing; 2]> = LazyLock::new(|| {
    let [old, new] = keys(9);
    [ring(&old, &new), ring(&new, &old)]
});
/// A key ring with other keys under the same ids. The check tries to open made-up values with it.
/// It must never seal a value: the fuzzer sees the bytes that the program compares, so it could copy
/// the sealed value and present it as a made-up one.
static UNUSED: LazyLock<KeyRing> = LazyLock::new(|| {
    let [old, new] = keys(10);
    ring(&old, &new)
});

fn keys(seed: u64) -> [Zeroizing<String>; 2] {
    let mut rng = StdRng::seed_from_u64(seed);
    ["old", "new"].map(|id| KeyRing::generate_file_text(id, &mut rng))
}

fn ring(active: &str, other: &str) -> KeyRing {
    let key = other.lines().last().expect("the file has a key");
    let mut file = tempfile::NamedTempFile::new().expect("the file is created");
    writeln!(file, "{active}{key}").expect("the file is written");
    KeyRing::load(file.path()).expect("the key ring can be loaded")
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
    let ring = if input.with_new { other } else { one };
    input.target.with(|context| {
        let sealed = ring
            .seal(context, input.plain)
            .expect("the value is sealed");
        assert_eq!(
            key_id(&sealed),
            Some(if input.with_new { "new" } else { "old" })
        );
        assert!(ring.is_current(&sealed));
        assert_eq!(one.is_current(&sealed), !input.with_new);
        for ring in [one, other] {
            let opened = ring.open(context, &sealed).expect("the value is opened");
            assert_eq!(opened.as_slice(), input.plain);
        }
        if input.elsewhere != input.target {
            let opened = input.elsewhere.with(|context| ring.open(context, &sealed));
            assert_eq!(opened.err(), Some(SealError::Invalid));
        }
        assert!(UNUSED.open(context, input.made_up).is_err());
        let mut harmed = sealed.clone();
        for harm in &input.harms {
            harm.apply_to(&mut harmed);
        }
        if let Some(cut) = input.cut {
            harmed.truncate(cut.into());
        }
        if harmed != sealed {
            assert!(ring.open(context, &harmed).is_err());
        }
    });
}

impl SealTarget<'_> {
    fn with<T>(&self, then: impl FnOnce(Context<'_>) -> T) -> T {
        let number = |last: u8| {
            TelephoneNumber::parse(&format!("0311110{last:03}")).expect("the number is valid")
        };
        match self {
            Self::Permanent(last, epoch) => then(Context::Permanent {
                number: &number(*last),
                epoch: Epoch(*epoch),
            }),
            Self::Temporary(last, epoch) => then(Context::Temporary {
                number: &number(*last),
                epoch: Epoch(*epoch),
            }),
            Self::Call(call_id) => then(Context::Call { call_id }),
            Self::Session(digest) => then(Context::Session {
                digest: &TokenDigest(*digest),
            }),
        }
    }
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
