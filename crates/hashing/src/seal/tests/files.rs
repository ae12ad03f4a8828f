//! The files of keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use tempfile::TempDir;

use super::super::KeyFileError;
use super::{CallKeys, KeyRing, SealingRing, known, ring};

type Load = fn(&Path) -> Result<(), KeyFileError>;

fn write(text: &str, mode: u32) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key-ring.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

/// INV-9: the files of those who only seal contain no key that opens a hash: not raw, and not in base64, hexadecimal or
/// decimal.
#[test]
fn derived_files_contain_no_key_that_opens() {
    for (ring, id) in [(ring(), "k"), (known::ring(), "old")] {
        let texts = [
            ring.sealing_ring_text().unwrap(),
            ring.call_keys_text().unwrap(),
        ];
        for secret in ring.secrets(id) {
            let decimal = |byte: &u8| byte.to_string();
            let spellings = [
                STANDARD.encode(secret),
                HEXLOWER.encode(&secret),
                secret.iter().map(decimal).collect::<Vec<_>>().join(", "),
            ];
            for text in &texts {
                let decoded: Vec<Vec<u8>> = text
                    .split('"')
                    .filter_map(|part| STANDARD.decode(part).ok())
                    .collect();
                assert!(!decoded.is_empty());
                assert!(!decoded.iter().any(|key| *key == secret));
                assert!(!spellings.iter().any(|found| text.contains(found)));
                let raw = text.as_bytes().windows(secret.len());
                assert!(raw.into_iter().all(|window| window != secret));
            }
        }
    }
}

/// INV-9: each kind of keys refuses the files of the other kinds. So a service that only seals does not start with a key
/// ring.
#[test]
fn each_kind_refuses_the_files_of_the_others() {
    let key_ring = KeyRing::generate_file_text("k", &mut rand::rng());
    let ring = ring();
    let sealing = ring.sealing_ring_text().unwrap();
    let calls = ring.call_keys_text().unwrap();
    let both = format!(
        "{}\n{}",
        sealing.as_str(),
        key_ring.split_once("\n\n").unwrap().1
    );
    let words = |error: Result<(), &'static str>, words: &str| {
        let error = error.unwrap_err();
        assert!(error.contains(words), "{error}");
    };
    let opener = |text: &str| KeyRing::parse(text).map(drop);
    words(opener(&sealing), "this is a sealing ring");
    words(opener(&calls), "these are call keys");
    words(opener(&both), "only the table `[keys]`");
    let sealer = |text: &str| SealingRing::parse(text).map(drop);
    words(
        sealer(&key_ring),
        "this is a key ring, which can open hashes",
    );
    words(sealer(&both), "this is a key ring, which can open hashes");
    words(sealer(&calls), "these are call keys");
    let caller = |text: &str| CallKeys::parse(text).map(drop);
    words(
        caller(&key_ring),
        "this is a key ring, which can open hashes",
    );
    words(caller(&sealing), "this is a sealing ring");
}

/// INV-9: a file of keys that others can read is refused. The message names its path.
#[test]
fn a_file_that_others_can_read_is_refused() {
    let ring = ring();
    let key_ring = KeyRing::generate_file_text("k", &mut rand::rng());
    let sealing_ring = ring.sealing_ring_text().unwrap();
    let call_keys = ring.call_keys_text().unwrap();
    let kinds: [(&str, Load); 3] = [
        (&key_ring, |path| KeyRing::load(path).map(drop)),
        (&sealing_ring, |path| SealingRing::load(path).map(drop)),
        (&call_keys, |path| CallKeys::load(path).map(drop)),
    ];
    for (text, load) in kinds {
        for mode in [0o640, 0o604, 0o660, 0o644] {
            let (_directory, path) = write(text, mode);
            let refused = load(&path).unwrap_err();
            assert!(matches!(refused, KeyFileError::Exposed { .. }));
            assert!(refused.to_string().contains("key-ring.toml"));
        }
        let (_directory, path) = write(text, 0o400);
        load(&path).unwrap();
    }
}

/// INV-8: the message about a malformed file contains no key.
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
        "active = \"\"\n[calls]\n\"\" = \"c2VjcmV0\"",
        "active = \"k\"\n[calls]\nk = \"c2VjcmV0\"",
        "active = \"k\"\n[sealing]\npublic_key = \"c2VjcmV0\"",
        "active = \"k\"\n[sealing]\npublic_key = \"c2VjcmV0\"\npre_shared_key = \"c2VjcmV0\"",
        "active = \"k\"\n[sealing]\npublic_key = \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n\
         pre_shared_key = \"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=\"",
    ] {
        let (_directory, path) = write(text, 0o600);
        for refused in [
            KeyRing::load(&path).unwrap_err(),
            SealingRing::load(&path).unwrap_err(),
            CallKeys::load(&path).unwrap_err(),
        ] {
            assert!(matches!(refused, KeyFileError::Malformed { .. }), "{text}");
            assert!(!format!("{refused} {refused:?}").contains("c2VjcmV0"));
        }
    }
    let missing = KeyRing::load(Path::new("nowhere/ring.toml")).unwrap_err();
    assert!(missing.to_string().contains("nowhere/ring.toml"));
}
