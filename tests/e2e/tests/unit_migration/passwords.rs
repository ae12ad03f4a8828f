//! The passwords of a unit migration: wrong, killed, missing, or not set (MIG-2, MIG-5).

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED,
};
use aikagi_client::{reason, refused};
use aikagi_e2e::in_process::InProcessSystem;
use tonic::Status;
use tonic_types::StatusExt;

use super::{BY_NUMBER, by_line, by_number, failures, fields, line};

const WRONG: &str = "Wrong1234";

/// The fields that a refusal names, each with its reason.
fn reasons(status: &Status) -> Vec<(String, String)> {
    let request = status.get_details_bad_request().unwrap();
    let violations = request.field_violations.into_iter();
    violations
        .map(|violation| (violation.field, violation.reason))
        .collect()
}

/// The entry of a refusal for the password at this position.
fn violation(place: usize, reason: &str) -> (String, String) {
    (format!("passwords[{place}]"), reason.to_owned())
}

/// MIG-5, LOGIN-6: a wrong password fails the unit migration. All passwords are verified. Each
/// wrong one is named and charged to its number, and each right one refunds only its own charge.
#[tokio::test]
async fn each_wrong_password_is_named_and_charged() {
    let system = InProcessSystem::start().await;
    let session = by_number(&system).await;
    let before = line(&system).await;
    for (entered, named, counts) in [
        (
            [(FIRST, WRONG), (SECOND, WRONG)],
            &["passwords[0]", "passwords[1]"][..],
            (1, 1),
        ),
        (
            [(SECOND, WRONG), (FIRST, PERMANENT)],
            &["passwords[0]"],
            (1, 2),
        ),
        (
            [(FIRST, PERMANENT), (SECOND, WRONG)],
            &["passwords[1]"],
            (1, 3),
        ),
        // The two passwords are swapped.
        (
            [(FIRST, OTHER_PERMANENT), (SECOND, PERMANENT)],
            &["passwords[0]", "passwords[1]"],
            (2, 4),
        ),
    ] {
        let status = session.migrate(AuthUnit::Line, &entered).await.unwrap_err();
        assert_eq!(reason(&status), "PASSWORD_WRONG");
        assert_eq!(fields(&status), named);
        assert_eq!(
            (
                failures(&system, FIRST).await,
                failures(&system, SECOND).await
            ),
            counts
        );
    }
    assert_eq!(line(&system).await.unit(), before.unit());
    // Numbers may have any form and order.
    let entered = [
        ("03 1234ー0003", OTHER_PERMANENT),
        ("０３１２３４０００２", PERMANENT),
    ];
    session.migrate(AuthUnit::Line, &entered).await.unwrap();
    assert_eq!(failures(&system, CONTRACT).await, 0);
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
}

/// MIG-5, LOGIN-2, SESS-2: the tenth wrong attempt kills the password, is refused with a different
/// reason, and ends the session that made it. After that the account is not ready, even with the
/// right password.
#[tokio::test]
async fn the_tenth_wrong_attempt_kills() {
    let system = InProcessSystem::start().await;
    let session = by_number(&system).await;
    let entered = [(FIRST, PERMANENT), (SECOND, WRONG)];
    for _ in 0..9 {
        let status = session.migrate(AuthUnit::Line, &entered).await.unwrap_err();
        assert_eq!(reason(&status), "PASSWORD_WRONG");
    }
    let entered = [(FIRST, WRONG), (SECOND, WRONG)];
    let status = session.migrate(AuthUnit::Line, &entered).await.unwrap_err();
    assert_eq!(
        (reason(&status), reasons(&status)),
        (
            "PASSWORD_DEAD",
            vec![
                violation(0, "PASSWORD_WRONG"),
                violation(1, "PASSWORD_DEAD")
            ]
        )
    );
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
    assert!(
        system
            .operator()
            .number(SECOND)
            .await
            .unwrap()
            .kill_time
            .is_some()
    );
    assert_eq!(
        refused(system.site().login(SECOND, OTHER_PERMANENT).await),
        "LOGIN_REFUSED"
    );

    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    let preview = session.preview(AuthUnit::Line).await.unwrap();
    assert_eq!(preview.unready_numbers, [SECOND]);
    let migration = session.migrate(AuthUnit::Line, &BY_NUMBER).await;
    assert_eq!(refused(migration), "ACCOUNTS_NOT_READY");
}

/// MIG-5: an account without a live permanent password fails the unit migration before any password
/// is compared. The refusal contains the masked number of the account, and advises a call.
#[tokio::test]
async fn accounts_that_are_not_ready_are_named() {
    let system = InProcessSystem::start().await;
    system.establish(FIRST, "2", FIRST, PERMANENT).await;
    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    // The second number has no password, then a temporary one, then a permanent one.
    for temporary in [false, true] {
        if temporary {
            system
                .set_by_telephone(SECOND, "2", SECOND, TEMPORARY)
                .await;
        }
        let preview = session.preview(AuthUnit::AdminUser).await.unwrap();
        assert_eq!(preview.required_numbers, [FIRST, SECOND]);
        assert_eq!(preview.unready_numbers, [SECOND]);
        let entered = [(SECOND, TEMPORARY), (FIRST, WRONG)];
        let hashes = system.hashes();
        let migration = session.migrate(AuthUnit::AdminUser, &entered).await;
        let status = migration.unwrap_err();
        assert_eq!(reason(&status), "ACCOUNTS_NOT_READY");
        assert_eq!(fields(&status), ["passwords[0]"]);
        assert_eq!(
            status.get_details_error_info().unwrap().metadata["numbers"],
            "******0003"
        );
        assert!(status.message().contains("by telephone"));
        assert_eq!(system.hashes(), hashes);
        assert_eq!(failures(&system, FIRST).await, 0);
    }
    let forced = system.site().login(SECOND, TEMPORARY).await.unwrap();
    forced
        .change(TEMPORARY, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
    session
        .migrate(AuthUnit::AdminUser, &BY_NUMBER)
        .await
        .unwrap();
}

/// MIG-2, MIG-5: the request must have exactly the numbers of the accounts. A number that is
/// missing, given twice, on another line, on no line, or not an account is an invalid argument. No
/// password is compared.
#[tokio::test]
async fn the_numbers_are_exactly_the_accounts() {
    let system = InProcessSystem::start().await;
    let session = by_number(&system).await;
    let hashes = system.hashes();
    let first = (FIRST, WRONG);
    let second = (SECOND, WRONG);
    for (entered, named) in [
        (vec![], &["passwords"][..]),
        (vec![second], &["passwords"]),
        (vec![first, first], &["passwords[1]", "passwords"]),
        (vec![first, second, first], &["passwords[2]"]),
        (vec![first, second, (STRANGER, WRONG)], &["passwords[2]"]),
        (
            vec![first, second, (UNSUBSCRIBED, WRONG)],
            &["passwords[2]"],
        ),
        (
            vec![(CONTRACT, WRONG), first],
            &["passwords[0]", "passwords"],
        ),
        (vec![first, ("nonsense", WRONG)], &["passwords[1]"]),
        (vec![first, (SECOND, "")], &["passwords[1]"]),
    ] {
        let status = session.migrate(AuthUnit::Line, &entered).await.unwrap_err();
        assert_eq!(reason(&status), "INVALID_FIELD", "{entered:?}");
        assert_eq!(fields(&status), named, "{entered:?}");
    }
    assert_eq!(system.hashes(), hashes);
    assert_eq!(
        (
            failures(&system, FIRST).await,
            failures(&system, SECOND).await
        ),
        (0, 0)
    );
}

/// MIG-2: from LINE, only the password of the contract number is required, even if that number is not subscribed.
#[tokio::test]
async fn from_line_only_one_password_is_required() {
    let system = InProcessSystem::start().await;
    let session = by_line(&system).await;
    let with_more = [(CONTRACT, PERMANENT), (FIRST, PERMANENT)];
    let migration = session.migrate(AuthUnit::Number, &with_more).await;
    assert_eq!(refused(migration), "INVALID_FIELD");
    session
        .migrate(AuthUnit::Number, &with_more[..1])
        .await
        .unwrap();
}

/// SESS-5, MIG-4: a unit migration with a stale revision is refused, and no password is charged. A
/// password change of any account, or a temporary password by telephone, makes a revision stale. An
/// invented revision is refused too.
#[tokio::test]
async fn a_stale_view_is_refused() {
    let system = InProcessSystem::start().await;
    let session = by_number(&system).await;
    let seen = session.preview(AuthUnit::Line).await.unwrap();
    let other = system.site().login(SECOND, OTHER_PERMANENT).await.unwrap();
    other
        .change(OTHER_PERMANENT, "Third1234")
        .await
        .unwrap()
        .unwrap();
    let hashes = system.hashes();
    for revision in [seen.revision.as_str(), "", "0-0", "nonsense"] {
        let migration = session
            .migrate_with(AuthUnit::Line, &BY_NUMBER, revision)
            .await;
        assert_eq!(refused(migration), "STALE_VIEW", "{revision}");
    }
    assert_eq!(system.hashes(), hashes);
    let seen = session.preview(AuthUnit::Line).await.unwrap();
    system
        .set_by_telephone(SECOND, "2", SECOND, TEMPORARY)
        .await;
    let entered = [(FIRST, PERMANENT), (SECOND, "Third1234")];
    let migration = session
        .migrate_with(AuthUnit::Line, &entered, &seen.revision)
        .await;
    assert_eq!(refused(migration), "STALE_VIEW");
    assert_eq!(line(&system).await.unit(), AuthUnit::Number);
}
