use std::io::{Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard};

use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::{CallKeys, Context, KeyFileError, KeyRing, SealingRing, key_id};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tempfile::NamedTempFile;

/// One open file that every input overwrites. To open and close a file for each input would be slow.
static FILE: LazyLock<Mutex<NamedTempFile>> =
    LazyLock::new(|| Mutex::new(NamedTempFile::new().expect("the file is created")));

/// INV-9: loads the bytes as each kind of key file: a key ring, a sealing ring, and call keys. At most one kind accepts
/// them. If the bytes are a valid key id, generates a key ring with this id and loads it, too.
pub fn key_ring(bytes: &[u8]) {
    let (path, _file) = write(bytes);
    let kinds = [
        KeyRing::load(&path).map(|ring| drop(sealing_id(&ring))),
        SealingRing::load(&path).map(|ring| drop(seal(&ring))),
        CallKeys::load(&path).map(|keys| seal_call(&keys)),
    ];
    let mut accepted = 0;
    for kind in kinds {
        match kind {
            Ok(()) => accepted += 1,
            Err(error) => assert!(
                matches!(
                    error,
                    KeyFileError::Malformed { .. } | KeyFileError::Unreadable { .. }
                ),
                "{error}"
            ),
        }
    }
    assert!(accepted <= 1);
    if let Ok(id) = std::str::from_utf8(bytes)
        && (1..=255).contains(&id.len())
        && !id.contains(|c: char| c.is_control() || r#""'\"#.contains(c))
    {
        let text = KeyRing::generate_file_text(id, &mut StdRng::seed_from_u64(9));
        let ring = KeyRing::parse(&text).expect("a generated key ring can be parsed");
        assert_eq!(sealing_id(&ring), id);
    }
}

/// The path of the file with these bytes. No other check writes to it until the second value is dropped.
fn write(text: &[u8]) -> (PathBuf, MutexGuard<'static, NamedTempFile>) {
    let mut file = FILE.lock().expect("no other check has panicked");
    file.as_file().set_len(0).expect("the file is emptied");
    file.rewind().expect("the file is rewound");
    file.write_all(text).expect("the file is written");
    (file.path().to_owned(), file)
}

/// Returns the id of the active key. Checks that the ring opens what the derived sealing ring has sealed, and that the
/// derived call keys can be loaded.
fn sealing_id(ring: &KeyRing) -> String {
    let sealing = ring.sealing_ring_text().expect("the file can be written");
    let sealing = SealingRing::parse(&sealing).expect("a derived sealing ring can be parsed");
    let sealed = seal(&sealing);
    let opened = place(|context| ring.open(context, &sealed)).expect("the value is opened");
    assert_eq!(opened.as_slice(), b"plain");
    assert!(ring.is_current(&sealed));
    let calls = ring.call_keys_text().expect("the file can be written");
    seal_call(&CallKeys::parse(&calls).expect("derived call keys can be parsed"));
    key_id(&sealed)
        .expect("the sealed value has a key id")
        .to_owned()
}

fn seal(ring: &SealingRing) -> Vec<u8> {
    place(|context| ring.seal(context, b"plain")).expect("the value is sealed")
}

fn seal_call(keys: &CallKeys) {
    let sealed = keys
        .seal("call-0001", b"plain")
        .expect("the value is sealed");
    let opened = keys
        .open("call-0001", &sealed)
        .expect("the value is opened");
    assert_eq!(opened.as_slice(), b"plain");
}

fn place<T>(then: impl FnOnce(Context<'_>) -> T) -> T {
    let number = TelephoneNumber::parse("0311110001").expect("the number is valid");
    then(Context::Permanent {
        number: &number,
        epoch: Epoch(1),
    })
}
