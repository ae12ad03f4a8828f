//! Hashes that have the cost of earlier settings (LOGIN-10).

use aikagi_domain::credential::CredentialKind;
use aikagi_hashing::{Cost, Hash, Pool};
use aikagi_ledger::audit::AuditAction;

use super::{BOTH, Fixture, RIGHT, USER, WRONG, number};
use crate::attempt::permanent;

/// Makes new hashes twice as dear as those of the fixture, and returns the new cost.
fn raise_the_cost(fixture: &mut Fixture) -> Cost {
    let former = fixture.hashing.cost();
    let settings = aikagi_hashing::Settings {
        memory_kib: 2 * former.memory_kib,
        former: vec![former],
        ..fixture.hashing.clone()
    };
    fixture.service.pool = Pool::new(&settings).unwrap();
    settings.cost()
}

async fn stored_hash(fixture: &Fixture) -> Option<Hash> {
    let (sealed, epoch) = fixture.stored_hash(USER).await?;
    let account = number(USER);
    let opened = fixture
        .service
        .keys
        .open_hash(permanent(&account, epoch), &sealed);
    Some(opened.unwrap())
}

async fn renewals(fixture: &Fixture) -> usize {
    let name = AuditAction::RenewHash.as_str();
    let events = fixture.events().await;
    events.iter().filter(|event| event.action == name).count()
}

/// LOGIN-10, OPS-3: a right login computes the hash again with the present cost, once. The epoch stays the same.
#[tokio::test]
async fn a_right_login_renews_the_hash() {
    let mut fixture = Fixture::new().await;
    let epoch = fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let cost = raise_the_cost(&mut fixture);
    for _ in 0..2 {
        fixture.login(USER, RIGHT).await.unwrap();
        let hash = stored_hash(&fixture).await.unwrap();
        assert_eq!(Cost::of(&hash).unwrap(), cost);
        assert_eq!(renewals(&fixture).await, 1);
    }
    assert_eq!(fixture.stored_hash(USER).await.unwrap().1, epoch);
}

/// LOGIN-10: a wrong password renews nothing. Neither does a temporary password, which ends within a day.
#[tokio::test]
async fn only_a_right_permanent_password_renews() {
    for kind in BOTH {
        let mut fixture = Fixture::new().await;
        fixture.set(USER, kind, RIGHT).await;
        let before = fixture.stored_hash(USER).await;
        raise_the_cost(&mut fixture);
        fixture.login(USER, WRONG).await.unwrap_err();
        if kind == CredentialKind::Temporary {
            fixture.login(USER, RIGHT).await.unwrap();
        }
        assert!(fixture.stored_hash(USER).await == before);
        assert_eq!(renewals(&fixture).await, 0);
    }
}

/// LOGIN-10: a hash that was changed after the charge is not overwritten.
#[tokio::test]
async fn a_changed_hash_is_not_overwritten() {
    let fixture = Fixture::new().await;
    fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let charged = fixture.charge(USER).await.unwrap();
    fixture.set(USER, CredentialKind::Permanent, WRONG).await;
    let before = fixture.stored_hash(USER).await;
    let renewed = fixture
        .store()
        .renew_hash(&number(USER), &charged, b"another", fixture.now())
        .await;
    assert!(!renewed.unwrap());
    assert!(fixture.stored_hash(USER).await == before);
    assert_eq!(renewals(&fixture).await, 0);
}
