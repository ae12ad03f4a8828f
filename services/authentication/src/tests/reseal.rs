//! The job that seals hashes again with a new key.

use std::collections::BTreeMap;

use aikagi_devkit::installation::files::write_private;
use aikagi_domain::credential::{CredentialKind, Epoch};
use aikagi_hashing::seal::{KeyRing, key_id};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;

use super::{Fixture, RIGHT, SECOND, USER, number};
use crate::attempt::permanent;
use crate::{ResealSettings, Resealed, reseal};

/// The text of a key ring with a new active key and the keys of an old ring.
fn with_new_key(old: &str) -> String {
    let new = KeyRing::generate_file_text("new", &mut rand::rng());
    let (_, old_keys) = old.split_once("[keys]\n").unwrap();
    format!("{}{old_keys}", new.as_str())
}

/// INV-9: after the job, every hash is sealed with the active key and still opens. A second run changes nothing.
#[tokio::test]
async fn all_hashes_are_sealed_with_the_active_key() {
    let fixture = Fixture::new().await;
    for account in [USER, SECOND] {
        fixture.set(account, CredentialKind::Permanent, RIGHT).await;
    }
    let old = std::fs::read_to_string(fixture.directory.path().join("key-ring.toml")).unwrap();
    let key_ring = fixture.directory.path().join("new-key-ring.toml");
    write_private(&key_ring, with_new_key(&old).as_bytes()).unwrap();
    let settings = ResealSettings {
        postgres: aikagi_ledger::Settings::for_url(fixture.database.url_as("aikagi_reseal")),
        key_ring: key_ring.clone(),
    };
    let (sealed, current, changed) = (2, 0, 0);
    let costs = BTreeMap::from([(fixture.hashing.cost(), 2)]);
    let first = reseal(&settings).await.unwrap();
    assert_eq!(
        first,
        Resealed {
            sealed,
            current,
            changed,
            costs: costs.clone(),
        }
    );
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT permanent_hash FROM credentials WHERE permanent_hash IS NOT NULL",
    )
    .fetch_all(&fixture.ledger)
    .await
    .unwrap();
    assert_eq!(hashes.len(), 2);
    assert!(hashes.iter().all(|hash| key_id(hash) == Some("new")));
    let (sealed, current) = (0, 2);
    let second = reseal(&settings).await.unwrap();
    assert_eq!(
        second,
        Resealed {
            sealed,
            current,
            changed,
            costs: costs.clone(),
        }
    );

    let mut fixture = fixture;
    fixture.service.keys = KeyRing::load(&key_ring).unwrap();
    fixture.login(USER, RIGHT).await.unwrap();
}

/// The hash as version 0.1 sealed it, with the key `1` of a key ring.
fn sealed_by_version_0_1(ring: &str, account: &str, epoch: Epoch, hash: &[u8]) -> Vec<u8> {
    let ring: toml::Table = toml::from_str(ring).unwrap();
    let key = ring["keys"]["1"].as_str().unwrap();
    let key: [u8; 32] = BASE64.decode(key.as_bytes()).unwrap().try_into().unwrap();
    let header = [1, 1, b'1'];
    let epoch = epoch.0.to_be_bytes();
    let parts: [&[u8]; 5] = [
        b"aikagi.seal",
        &header,
        b"permanent",
        account.as_bytes(),
        &epoch,
    ];
    let mut context = Vec::new();
    for part in parts {
        context.extend_from_slice(&(part.len() as u64).to_be_bytes());
        context.extend_from_slice(part);
    }
    let payload = Payload {
        msg: hash,
        aad: &context,
    };
    let nonce = [7; 24];
    let cipher = XChaCha20Poly1305::new(&Key::from(key));
    let ciphertext = cipher.encrypt(&XNonce::from(nonce), payload).unwrap();
    [&header[..], &nonce, &ciphertext].concat()
}

/// INV-9: a hash that version 0.1 sealed still logs in. The job seals it again in the present form, under the same key.
#[tokio::test]
async fn a_hash_of_version_0_1_is_sealed_again() {
    let fixture = Fixture::new().await;
    let epoch = fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let (present, _) = fixture.stored_hash(USER).await.unwrap();
    let account = number(USER);
    let hash = fixture
        .service
        .keys
        .open_hash(permanent(&account, epoch), &present);
    let key_ring = fixture.directory.path().join("key-ring.toml");
    let ring = std::fs::read_to_string(&key_ring).unwrap();
    let former = sealed_by_version_0_1(&ring, USER, epoch, hash.unwrap().as_bytes());
    sqlx::query("UPDATE credentials SET permanent_hash = $2 WHERE number = $1")
        .bind(USER)
        .bind(&former)
        .execute(&fixture.ledger)
        .await
        .unwrap();
    fixture.login(USER, RIGHT).await.unwrap();

    let settings = ResealSettings {
        postgres: aikagi_ledger::Settings::for_url(fixture.database.url_as("aikagi_reseal")),
        key_ring,
    };
    for expected in [(1, 0), (0, 1)] {
        let done = reseal(&settings).await.unwrap();
        assert_eq!((done.sealed, done.current), expected);
        let (again, _) = fixture.stored_hash(USER).await.unwrap();
        assert!(fixture.service.keys.is_current(&again));
        fixture.login(USER, RIGHT).await.unwrap();
    }
}
