//! Forms that were opened before their credential ended.

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::samples::{OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT};
use aikagi_client::{LoggedIn, refused};
use aikagi_e2e::in_process::InProcessSystem;

use super::rows;

/// An event that ends a session or its credential.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Telephone,
    Change,
    Migration,
    Unsubscription,
    Removal,
    Reset,
    Closing,
    EndSessions,
    Logout,
}

const ENDINGS: [Ending; 9] = [
    Ending::Telephone,
    Ending::Change,
    Ending::Migration,
    Ending::Unsubscription,
    Ending::Removal,
    Ending::Reset,
    Ending::Closing,
    Ending::EndSessions,
    Ending::Logout,
];

impl Ending {
    async fn happen(self, system: &InProcessSystem, contract: &str, account: &str) {
        let (site, operator) = (system.site(), system.operator());
        let other = site.login(account, PERMANENT).await.unwrap();
        match self {
            Self::Telephone => {
                let set = system.set_by_telephone(account, "2", account, OTHER_TEMPORARY);
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
            Self::EndSessions => operator.end_sessions(account).await.unwrap(),
            // The test itself logs out.
            Self::Logout => {}
        }
    }
}

/// SESS-2, INV-1, LOGIN-7: after a session or its credential has ended, each form that was open
/// before is refused, with any password. Nothing changes.
#[tokio::test]
async fn no_form_outlives_its_credential() {
    let system = InProcessSystem::start().await;
    let ledger = system.ledger().await;
    for (index, ending) in ENDINGS.into_iter().enumerate() {
        let (contract, account) = (format!("047100{index:02}00"), format!("047100{index:02}01"));
        let numbers = [(contract.as_str(), false), (account.as_str(), true)];
        system.operator().add_line(&numbers).await.unwrap();
        system.establish(&account, "2", &account, PERMANENT).await;
        let held = system.site().login(&account, PERMANENT).await.unwrap();
        let preview = held.preview(AuthUnit::Line).await.unwrap();

        ending.happen(&system, &contract, &account).await;
        if matches!(ending, Ending::Logout) {
            held.logout().await.unwrap();
        }
        let before = rows(&ledger).await;
        for password in [PERMANENT, OTHER_PERMANENT, OTHER_TEMPORARY] {
            let answers = every_form(&system, &held, &preview.revision, (&account, password)).await;
            for (form, answer) in answers {
                assert_eq!(answer, "SESSION_ENDED", "{ending:?}: {form}");
            }
        }
        assert_eq!(rows(&ledger).await, before, "{ending:?}");
    }
}

/// Sends each form that a page can have open, with this password as the current one. Also reads the
/// session, and checks its access.
async fn every_form(
    system: &InProcessSystem,
    held: &LoggedIn,
    preview: &str,
    proof: (&str, &str),
) -> Vec<(&'static str, &'static str)> {
    let (account, password) = proof;
    vec![
        ("the session", refused(held.session().await)),
        ("a peek", refused(held.peek().await)),
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
            "an access check",
            refused(system.backend().check_access(&held.token, account).await),
        ),
    ]
}
