use std::io::{Seek as _, Write as _};
use std::sync::{LazyLock, Mutex};

use aikagi_hashing::seal::{Context, KeyRing, KeyRingError, key_id};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tempfile::NamedTempFile;

/// One open file that every input overwrites. To open and close a file for each input would be slow.
static FILE: LazyLock<Mutex<NamedTempFile>> =
    LazyLock::new(|| Mutex::new(NamedTempFile::new().expect("the file is created")));
const PLACE: Context<'_> = Context::Call {
    call_id: "call-0001",
};

/// INV-9: loads the bytes as the text of a key ring file. If the bytes are also a valid key id,
/// generates a key ring with this id and loads it, too.
pub fn key_ring(bytes: &[u8]) {
    match load(bytes) {
        Ok(ring) => drop(sealing_id(&ring)),
        Err(error) => assert!(
            matches!(
                error,
                KeyRingError::Malformed { .. } | KeyRingError::Unreadable { .. }
            ),
            "{error}"
        ),
    }
    if let Ok(id) = std::str::from_utf8(bytes)
        && (1..=255).contains(&id.len())
        && !id.contains(|c: char| c.is_control() || r#""'\"#.contains(c))
    {
        let text = KeyRing::generate_file_text(id, &mut StdRng::seed_from_u64(9));
        let ring = load(text.as_bytes()).expect("a generated key ring can be loaded");
        assert_eq!(sealing_id(&ring), id);
    }
}

fn load(text: &[u8]) -> Result<KeyRing, KeyRingError> {
    let mut file = FILE.lock().expect("no other check has panicked");
    file.as_file().set_len(0).expect("the file is emptied");
    file.rewind().expect("the file is rewound");
    file.write_all(text).expect("the file is written");
    KeyRing::load(file.path())
}

/// Returns the id of the active key. Checks that the ring opens a value that it has sealed.
fn sealing_id(ring: &KeyRing) -> String {
    let sealed = ring.seal(PLACE, b"plain").expect("the value is sealed");
    let opened = ring.open(PLACE, &sealed).expect("the value is opened");
    assert_eq!(opened.as_slice(), b"plain");
    assert!(ring.is_current(&sealed));
    key_id(&sealed)
        .expect("the sealed value has a key id")
        .to_owned()
}
