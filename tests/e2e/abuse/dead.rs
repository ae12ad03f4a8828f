//! Flows that were begun before the death of their credential.

use aikagi_api::units::v1::AuthUnit;
use aikagi_tests::edge::LoggedIn;
use aikagi_tests::world::{OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, World, refused};

use super::rows;

/// What can put an end to a session, or to what it was opened with.
#[derive(Clone, Copy, Debug)]
enum Death {
    Telephone,
    Change,
    Migration,
    Unsubscription,
    Removal,
    Reset,
    Closing,
    OperatorsWord,
    Logout,
}

const DEATHS: [Death; 9] = [
    Death::Telephone,
    Death::Change,
    Death::Migration,
    Death::Unsubscription,
    Death::Removal,
    Death::Reset,
    Death::Closing,
    Death::OperatorsWord,
    Death::Logout,
];

impl Death {
    async fn come(self, world: &World, contract: &str, account: &str) {
        let (site, operator) = (world.site(), world.operator());
        let other = site.login(account, PERMANENT).await.unwrap();
        match self {
            Self::Telephone => {
                let set = world.telephone(account, "2", account, OTHER_TEMPORARY);
                set.await;
            }
            Self::Change => {
                other.change(PERMANENT, OTHER_PERMANENT).await.unwrap();
            }
            Self::Migration => {
                let proofs = [(account, PERMANENT)];
                other.migrate(AuthUnit::Line, &proofs).await.unwrap();
            }
            Self::Unsubscription => {
                operator.unsubscribe(account).await.unwrap();
            }
            Self::Removal => {
                operator.remove_number(account).await.unwrap();
            }
            Self::Reset => {
                operator.reset_unit(contract).await.unwrap();
            }
            Self::Closing => {
                operator.close_line(contract).await.unwrap();
            }
            Self::OperatorsWord => operator.end_sessions(account).await.unwrap(),
            // Of the session itself: the test logs it out.
            Self::Logout => {}
        }
    }
}

/// SESS-2, INV-1, LOGIN-7: whatever ends a session or its credential, every form that was open then is refused at
/// every RPC, whatever is typed into it, and changes nothing.
#[tokio::test]
async fn no_form_outlives_its_credential() {
    let world = World::start().await;
    let ledger = world.ledger().await;
    for (index, death) in DEATHS.into_iter().enumerate() {
        let (contract, account) = (format!("047100{index:02}00"), format!("047100{index:02}01"));
        let numbers = [(contract.as_str(), false), (account.as_str(), true)];
        world.operator().add_line(&numbers).await.unwrap();
        world.establish(&account, "2", &account, PERMANENT).await;
        let held = world.site().login(&account, PERMANENT).await.unwrap();
        let preview = held.preview(AuthUnit::Line).await.unwrap();

        death.come(&world, &contract, &account).await;
        if matches!(death, Death::Logout) {
            held.logout().await.unwrap();
        }
        let before = rows(&ledger).await;
        for password in [PERMANENT, OTHER_PERMANENT, OTHER_TEMPORARY] {
            let answers = every_form(&world, &held, &preview.revision, (&account, password)).await;
            for (form, answer) in answers {
                assert_eq!(answer, "SESSION_ENDED", "{death:?}: {form}");
            }
        }
        assert_eq!(rows(&ledger).await, before, "{death:?}");
    }
}

/// Every RPC that a session can be used at, with the same password wherever one is typed.
async fn every_form(
    world: &World,
    held: &LoggedIn,
    preview: &str,
    proof: (&str, &str),
) -> Vec<(&'static str, &'static str)> {
    let (account, password) = proof;
    vec![
        ("the session", refused(held.session().await)),
        ("a look at it", refused(held.peek().await)),
        (
            "a change",
            refused(held.change(password, "Newest1234").await),
        ),
        ("a preview", refused(held.preview(AuthUnit::Line).await)),
        (
            "a migration",
            refused(held.migrate_with(AuthUnit::Line, &[proof], preview).await),
        ),
        (
            "a settings back end",
            refused(world.backend().check_access(&held.token, account).await),
        ),
    ]
}
