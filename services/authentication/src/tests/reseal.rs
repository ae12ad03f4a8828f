//! The job that seals hashes again with a new key.

use std::collections::BTreeMap;

use aikagi_devkit::installation::files::write_private;
use aikagi_domain::credential::CredentialKind;
use aikagi_hashing::seal::{KeyRing, key_id};

use super::{Fixture, RIGHT, SECOND, USER};
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
