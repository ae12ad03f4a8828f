//! The four offered unit migrations. No other is possible (MIG-1 to MIG-3).

use aikagi_api::authentication::v1::MustChangeReason;
use aikagi_api::units::v1::{AccountRole, AuthUnit, CredentialKind};
use aikagi_client::samples::{CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND};
use aikagi_client::{reason, refused};
use aikagi_e2e::in_process::InProcessSystem;
use tonic_types::StatusExt;

use super::{BY_LINE, BY_NUMBER, by_admin_user, by_line, by_number, line};

/// An expected login: number, role and scope.
type Expected = (&'static str, AccountRole, &'static [&'static str]);

const USERS: [Expected; 2] = [
    (FIRST, AccountRole::User, &[FIRST]),
    (SECOND, AccountRole::User, &[SECOND]),
];

fn after(to: AuthUnit) -> Vec<Expected> {
    let administrator: Expected = (CONTRACT, AccountRole::Administrator, &[FIRST, SECOND]);
    match to {
        AuthUnit::Line => vec![(CONTRACT, AccountRole::Line, &[FIRST, SECOND])],
        AuthUnit::Number => vec![
            (FIRST, AccountRole::Number, &[FIRST]),
            (SECOND, AccountRole::Number, &[SECOND]),
        ],
        AuthUnit::AdminUser => vec![administrator, USERS[0], USERS[1]],
        AuthUnit::Unspecified => Vec::new(),
    }
}

/// MIG-1, MIG-2, MIG-3, MIG-6, UNIT-1: the unit migration requires the passwords of all accounts.
/// Afterwards exactly the accounts that the preview and the response name can log in, all with the
/// password of the session's account.
async fn each_is_done(to: AuthUnit, from_number: bool) {
    let system = InProcessSystem::start().await;
    let (session, passwords, password) = if from_number {
        by_number(&system).await;
        // Every account gets the password of the session's account. The session belongs to the
        // second account, whose password differs from that of the first.
        let second = system.site().login(SECOND, OTHER_PERMANENT).await.unwrap();
        (second, &BY_NUMBER[..], OTHER_PERMANENT)
    } else {
        (by_line(&system).await, &BY_LINE[..], PERMANENT)
    };
    let before = line(&system).await;
    let preview = session.preview(to).await.unwrap();
    let asked_for: Vec<&str> = passwords.iter().map(|(number, _)| *number).collect();
    assert_eq!(preview.required_numbers, asked_for);
    assert!(preview.unready_numbers.is_empty());
    assert_eq!(line(&system).await, before, "a preview changes nothing");

    let logins = session.migrate(to, passwords).await.unwrap();
    assert_eq!(logins, preview.logins);
    let reported: Vec<_> = logins
        .iter()
        .map(|login| {
            (
                login.number.as_str(),
                login.role(),
                &login.scope_numbers[..],
            )
        })
        .collect();
    let expected = after(to);
    let expected_logins: Vec<_> = expected
        .iter()
        .map(|(number, role, scope)| {
            let scope: Vec<String> = scope.iter().map(|&number| number.to_owned()).collect();
            (*number, *role, scope)
        })
        .collect();
    let reported: Vec<_> = reported
        .into_iter()
        .map(|(number, role, scope)| (number, role, scope.to_vec()))
        .collect();
    assert_eq!(reported, expected_logins);

    let after = line(&system).await;
    assert_eq!(after.unit(), to);
    assert_eq!(after.unit_established_time, before.unit_established_time);
    for number in [CONTRACT, FIRST, SECOND] {
        let Some((_, role, scope)) = expected.iter().find(|(account, ..)| *account == number)
        else {
            for old in [PERMANENT, OTHER_PERMANENT] {
                assert_eq!(
                    refused(system.site().login(number, old).await),
                    "LOGIN_REFUSED"
                );
            }
            let state = system.operator().number(number).await.unwrap();
            assert_eq!(state.credential_kind(), CredentialKind::None);
            continue;
        };
        let session = system.site().login(number, password).await.unwrap().session;
        assert_eq!((session.unit(), session.role()), (to, *role));
        assert_eq!(session.scope_numbers, *scope);
        assert_eq!(session.must_change_reason(), MustChangeReason::Unspecified);
        if password == OTHER_PERMANENT {
            assert_eq!(
                refused(system.site().login(number, PERMANENT).await),
                "LOGIN_REFUSED"
            );
        }
    }
}

/// MIG-1, MIG-2, MIG-3, MIG-6: NUMBER to LINE, by the account of an additional number.
#[tokio::test]
async fn from_number_to_line() {
    each_is_done(AuthUnit::Line, true).await;
}

/// MIG-1, MIG-2, MIG-3, MIG-6: LINE to NUMBER.
#[tokio::test]
async fn from_line_to_number() {
    each_is_done(AuthUnit::Number, false).await;
}

/// MIG-1, MIG-2, MIG-3, MIG-6: NUMBER to `ADMIN_USER`, by the account of an additional number.
#[tokio::test]
async fn from_number_to_admin_user() {
    each_is_done(AuthUnit::AdminUser, true).await;
}

/// MIG-1, MIG-2, MIG-3, MIG-6: LINE to `ADMIN_USER`.
#[tokio::test]
async fn from_line_to_admin_user() {
    each_is_done(AuthUnit::AdminUser, false).await;
}

/// MIG-1: any other unit migration is refused as not offered, before any password is compared. A
/// request without a unit is refused as invalid.
#[tokio::test]
async fn no_other_unit_migration_is_offered() {
    use AuthUnit::{AdminUser, Line, Number};
    for (from, others) in [
        (Line, &[Line][..]),
        (Number, &[Number]),
        (AdminUser, &[AdminUser, Line, Number]),
    ] {
        let system = InProcessSystem::start().await;
        let session = match from {
            Line => by_line(&system).await,
            Number => by_number(&system).await,
            AdminUser | AuthUnit::Unspecified => by_admin_user(&system).await,
        };
        let number = session.session.account_number.clone();
        let before = line(&system).await;
        for to in others {
            let revision = session.session.revision.clone();
            let wrong = [(number.as_str(), "Wrong1234")];
            let preview = session.preview(*to).await.map(drop);
            let migration = session.migrate_with(*to, &wrong, &revision).await.map(drop);
            for answer in [preview, migration] {
                let status = answer.unwrap_err();
                assert_eq!(
                    reason(&status),
                    "MIGRATION_NOT_OFFERED",
                    "{from:?} to {to:?}"
                );
                let named = status.get_details_error_info().unwrap().metadata;
                assert_eq!(named["from"], from.as_str_name().replace("AUTH_UNIT_", ""));
                assert_eq!(named["to"], to.as_str_name().replace("AUTH_UNIT_", ""));
            }
        }
        let nothing = session.preview(AuthUnit::Unspecified).await;
        assert_eq!(refused(nothing), "INVALID_FIELD");
        assert_eq!(line(&system).await, before);
    }
}
