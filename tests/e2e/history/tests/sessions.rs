//! Sessions that live on when they may not (SESS-2, MIG-6).

use aikagi_api::units::v1::AuthUnit;

use super::{FIRST, Operation, SECOND, Script, change, login, migrate, preview};

/// SESS-2: a session that was logged out is not seen again, but at the same time it may be.
#[test]
fn a_session_that_was_logged_out_is_refused() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    let from = script.calls.len();
    let seen = script.done(Operation::Look { seat: 4 });
    script.calls.pop();
    script.done(Operation::Logout { seat: 4 }).unwrap();
    script.told(Operation::Look { seat: 4 }, seen);
    assert!(!script.is_explained());
    script.together(from);
    assert!(script.is_explained());
}

/// MIG-6: after a migration no session of the line is seen again, whoever's it is; at the same time it may be.
#[test]
fn a_session_that_lives_on_after_a_migration_is_refused() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    script.done(login(5, SECOND, "b1234567")).unwrap();
    script.done(preview(4, AuthUnit::Line)).unwrap();
    let seen = script.at_once(&Operation::Look { seat: 5 });
    let from = script.calls.len();
    script.done(migrate(4, AuthUnit::Line)).unwrap();
    script.told(Operation::Look { seat: 5 }, seen);
    assert!(!script.is_explained());
    script.together(from);
    assert!(script.is_explained());
}

/// SESS-2: nor one that was opened under a password that is changed, but for the one that goes on.
#[test]
fn a_session_that_lives_on_after_a_change_is_refused() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    script.done(login(5, FIRST, "a1234567")).unwrap();
    let seen = script.at_once(&Operation::Look { seat: 5 });
    script.done(change(4, 6, "a1234567", "c1234567")).unwrap();
    script.done(Operation::Look { seat: 6 }).unwrap();
    assert!(script.is_explained());
    script.told(Operation::Look { seat: 5 }, seen);
    assert!(!script.is_explained());
}
