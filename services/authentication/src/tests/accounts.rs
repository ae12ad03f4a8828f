//! Lookups of accounts.

use aikagi_domain::credential::CredentialKind;
use aikagi_domain::session::TokenDigest;
use aikagi_domain::unit::{AuthUnit, Role};
use futures_util::future::join_all;

use super::{CONTRACT, Fixture, NOBODY, RIGHT, SECOND, STRANGER, USER, number};
use crate::store::Account;

const DIGEST: TokenDigest = TokenDigest([7; 32]);

async fn find(fixture: &Fixture, account: &str) -> Option<Account> {
    let found = fixture.store().account(&number(account), &DIGEST).await;
    found.unwrap()
}

/// UNIT-1: an account has its role and scope under the line's present unit.
#[tokio::test]
async fn an_account_has_the_scope_of_its_unit() {
    let fixture = Fixture::new().await;
    let all = [number(USER), number(SECOND)];
    let user = find(&fixture, USER).await.unwrap();
    assert_eq!(user.unit, Some(AuthUnit::Number));
    assert_eq!(user.state.role, Some(Role::Number));
    assert_eq!(user.state.line_id, fixture.line_id(USER).await);
    assert_eq!(user.scope, [number(USER)]);
    let contract = find(&fixture, CONTRACT).await.unwrap();
    assert_eq!((contract.state.role, contract.scope), (None, vec![]));

    fixture
        .execute("UPDATE lines SET unit = 'ADMIN_USER', version = 5")
        .await;
    let administrator = find(&fixture, CONTRACT).await.unwrap();
    assert_eq!(administrator.state.role, Some(Role::Administrator));
    assert_eq!(
        (administrator.scope, administrator.line_version),
        (all.to_vec(), 5)
    );
    let user = find(&fixture, USER).await.unwrap();
    assert_eq!(user.state.role, Some(Role::User));

    fixture.execute("UPDATE lines SET unit = 'LINE'").await;
    let line = find(&fixture, CONTRACT).await.unwrap();
    assert_eq!(
        (line.state.role, line.scope),
        (Some(Role::Line), all.to_vec())
    );
    assert_eq!(find(&fixture, USER).await.unwrap().state.role, None);
}

/// SESS-2: a lookup sees every event that ends a session: a new epoch, a new generation of sessions, a closed line, a
/// logout.
#[tokio::test]
async fn a_lookup_sees_every_end_of_a_session() {
    let fixture = Fixture::new().await;
    let epoch = fixture.set(USER, CredentialKind::Permanent, RIGHT).await;
    let before = find(&fixture, USER).await.unwrap();
    assert_eq!(before.state.epoch, epoch);
    assert!(!before.state.ended && !before.state.line_closed);
    assert_eq!(before.changed, Some(fixture.now()));

    let epoch = fixture.set(USER, CredentialKind::Temporary, RIGHT).await;
    fixture
        .execute(
            "UPDATE credentials SET session_generation = session_generation + 1;
             UPDATE lines SET closed_time = '2027-01-01';
             INSERT INTO ended_sessions VALUES (decode(repeat('07', 32), 'hex'), '2028-01-01')",
        )
        .await;
    let after = find(&fixture, USER).await.unwrap();
    assert_eq!(after.state.epoch, epoch);
    assert_eq!(after.state.generation, before.state.generation + 1);
    assert!(after.state.ended && after.state.line_closed);
    // The account has a temporary password now, so the time of the retired permanent password is not returned.
    assert_eq!(after.changed, None);
}

/// INV-3: with many parallel lookups, each one gets its own account and the state of its own session.
#[tokio::test]
async fn parallel_lookups_get_their_own_accounts() {
    let fixture = Fixture::new().await;
    fixture
        .execute(
            "INSERT INTO ended_sessions VALUES (decode(repeat('01', 32), 'hex'), '2028-01-01')",
        )
        .await;
    let accounts = [USER, STRANGER, NOBODY, SECOND, CONTRACT];
    let lookups = (0..300_usize).map(|index| {
        let account = accounts[index % accounts.len()];
        let digest = TokenDigest([u8::try_from(index % 2).unwrap(); 32]);
        let fixture = &fixture;
        async move {
            let found = fixture.store().account(&number(account), &digest).await;
            (account, digest, found.unwrap())
        }
    });
    let found = join_all(lookups).await;
    for (account, digest, found) in found {
        let Some(found) = found else {
            assert_eq!(account, NOBODY);
            continue;
        };
        assert_eq!(
            found.state.ended,
            digest == TokenDigest([1; 32]),
            "{account}"
        );
        assert_eq!(found.state.line_id, fixture.line_id(account).await);
        let own = if account == CONTRACT {
            vec![]
        } else {
            vec![number(account)]
        };
        assert_eq!(found.scope, own);
    }
}

/// INV-11: cancelled lookups do not delay or change other lookups.
#[tokio::test]
async fn cancelled_lookups_do_not_affect_others() {
    let fixture = Fixture::new().await;
    for _ in 0..100 {
        let store = fixture.store().clone();
        let cancelled =
            tokio::spawn(async move { store.account(&number(STRANGER), &DIGEST).await });
        tokio::task::yield_now().await;
        cancelled.abort();
    }
    let found = find(&fixture, USER).await.unwrap();
    assert_eq!(found.scope, [number(USER)]);
}
