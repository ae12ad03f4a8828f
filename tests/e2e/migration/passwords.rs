//! The passwords that a migration asks for: wrong, dead, left out, or none (MIG-2, MIG-5).

use aikagi_api::units::v1::AuthUnit;
use aikagi_tests::world::{
    CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED, World,
    reason, refused,
};
use tonic::Status;
use tonic_types::StatusExt;

use super::{BY_NUMBER, by_line, by_number, failures, fields, line};

const WRONG: &str = "Wrong1234";

/// The fields that a refusal names, each with its own reason.
fn reasons(status: &Status) -> Vec<(String, String)> {
    let request = status.get_details_bad_request().unwrap();
    let violations = request.field_violations.into_iter();
    violations
        .map(|violation| (violation.field, violation.reason))
        .collect()
}

/// What such a refusal says of the password at this place.
fn told(place: usize, reason: &str) -> (String, String) {
    (format!("passwords[{place}]"), reason.to_owned())
}

/// MIG-5, LOGIN-6: a wrong password fails the migration; all are looked at, each wrong one is named and charged to
/// its number, and a right one gives back just its own charge.
#[tokio::test]
async fn each_wrong_password_is_named_and_charged() {
    let world = World::start().await;
    let session = by_number(&world).await;
    let before = line(&world).await;
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
        // Each other's passwords.
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
                failures(&world, FIRST).await,
                failures(&world, SECOND).await
            ),
            counts
        );
    }
    assert_eq!(line(&world).await.unit(), before.unit());
    // Whatever the form of the numbers, and in any order.
    let entered = [
        ("03 1234ー0003", OTHER_PERMANENT),
        ("０３１２３４０００２", PERMANENT),
    ];
    session.migrate(AuthUnit::Line, &entered).await.unwrap();
    assert_eq!(failures(&world, CONTRACT).await, 0);
    world.site().login(CONTRACT, PERMANENT).await.unwrap();
}

/// MIG-5, LOGIN-2, SESS-2: the tenth wrong attempt kills, is told apart from one that was only wrong, and ends the
/// session that made it; the account is not ready from then on, and the right password does not help.
#[tokio::test]
async fn the_tenth_wrong_attempt_kills() {
    let world = World::start().await;
    let session = by_number(&world).await;
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
            vec![told(0, "PASSWORD_WRONG"), told(1, "PASSWORD_DEAD")]
        )
    );
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
    assert!(
        world
            .operator()
            .number(SECOND)
            .await
            .unwrap()
            .kill_time
            .is_some()
    );
    assert_eq!(
        refused(world.site().login(SECOND, OTHER_PERMANENT).await),
        "LOGIN_REFUSED"
    );

    let session = world.site().login(FIRST, PERMANENT).await.unwrap();
    let preview = session.preview(AuthUnit::Line).await.unwrap();
    assert_eq!(preview.unready_numbers, [SECOND]);
    let migration = session.migrate(AuthUnit::Line, &BY_NUMBER).await;
    assert_eq!(refused(migration), "ACCOUNTS_NOT_READY");
}

/// MIG-5: an account without a live permanent password fails the migration beforehand and is named, masked, with
/// the advice to telephone; no password is looked at.
#[tokio::test]
async fn accounts_that_are_not_ready_are_named() {
    let world = World::start().await;
    world.establish(FIRST, "2", FIRST, PERMANENT).await;
    let session = world.site().login(FIRST, PERMANENT).await.unwrap();
    // The second number has none, then a temporary one, then a permanent one.
    for temporary in [false, true] {
        if temporary {
            world.telephone(SECOND, "2", SECOND, TEMPORARY).await;
        }
        let preview = session.preview(AuthUnit::AdminUser).await.unwrap();
        assert_eq!(preview.required_numbers, [FIRST, SECOND]);
        assert_eq!(preview.unready_numbers, [SECOND]);
        let entered = [(SECOND, TEMPORARY), (FIRST, WRONG)];
        let hashes = world.hashes();
        let migration = session.migrate(AuthUnit::AdminUser, &entered).await;
        let status = migration.unwrap_err();
        assert_eq!(reason(&status), "ACCOUNTS_NOT_READY");
        assert_eq!(fields(&status), ["passwords[0]"]);
        assert_eq!(
            status.get_details_error_info().unwrap().metadata["numbers"],
            "******0003"
        );
        assert!(status.message().contains("by telephone"));
        assert_eq!(world.hashes(), hashes);
        assert_eq!(failures(&world, FIRST).await, 0);
    }
    let forced = world.site().login(SECOND, TEMPORARY).await.unwrap();
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

/// MIG-2, MIG-5: a number left out, given twice, on another line, on none, or no account is an invalid argument, and
/// no password is looked at.
#[tokio::test]
async fn the_numbers_are_exactly_the_accounts() {
    let world = World::start().await;
    let session = by_number(&world).await;
    let hashes = world.hashes();
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
    assert_eq!(world.hashes(), hashes);
    assert_eq!(
        (
            failures(&world, FIRST).await,
            failures(&world, SECOND).await
        ),
        (0, 0)
    );
}

/// MIG-2: from LINE the one password, of the contract number though it is not subscribed, and no other.
#[tokio::test]
async fn from_line_the_one_password_is_asked_for() {
    let world = World::start().await;
    let session = by_line(&world).await;
    let with_more = [(CONTRACT, PERMANENT), (FIRST, PERMANENT)];
    let migration = session.migrate(AuthUnit::Number, &with_more).await;
    assert_eq!(refused(migration), "INVALID_FIELD");
    session
        .migrate(AuthUnit::Number, &with_more[..1])
        .await
        .unwrap();
}

/// SESS-5, MIG-4: what was decided on a stale view is refused, and no password is charged: after a change of any
/// account's password, a temporary one by telephone, and with a made-up revision.
#[tokio::test]
async fn a_stale_view_is_refused() {
    let world = World::start().await;
    let session = by_number(&world).await;
    let seen = session.preview(AuthUnit::Line).await.unwrap();
    let other = world.site().login(SECOND, OTHER_PERMANENT).await.unwrap();
    other
        .change(OTHER_PERMANENT, "Third1234")
        .await
        .unwrap()
        .unwrap();
    let hashes = world.hashes();
    for revision in [seen.revision.as_str(), "", "0-0", "nonsense"] {
        let migration = session
            .migrate_with(AuthUnit::Line, &BY_NUMBER, revision)
            .await;
        assert_eq!(refused(migration), "STALE_VIEW", "{revision}");
    }
    assert_eq!(world.hashes(), hashes);
    let seen = session.preview(AuthUnit::Line).await.unwrap();
    world.telephone(SECOND, "2", SECOND, TEMPORARY).await;
    let entered = [(FIRST, PERMANENT), (SECOND, "Third1234")];
    let migration = session
        .migrate_with(AuthUnit::Line, &entered, &seen.revision)
        .await;
    assert_eq!(refused(migration), "STALE_VIEW");
    assert_eq!(line(&world).await.unit(), AuthUnit::Number);
}
