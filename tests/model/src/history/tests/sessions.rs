//! The checker rejects sessions that live longer than they may (SESS-2, MIG-6).

use aikagi_api::units::v1::AuthUnit;

use super::{FIRST, Operation, SECOND, Script, change, login, migrate, preview};

/// SESS-2: no read finds a session after its logout. A concurrent read may find it.
#[test]
fn a_session_that_was_logged_out_is_refused() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    let from = script.operations.len();
    let seen = script.done(Operation::Look { seat: 4 });
    script.operations.pop();
    script.done(Operation::Logout { seat: 4 }).unwrap();
    script.answered(Operation::Look { seat: 4 }, seen);
    assert!(!script.is_explained());
    script.together(from);
    assert!(script.is_explained());
}

/// MIG-6: no read finds a session of the line after a unit migration. A concurrent read may find
/// it.
#[test]
fn a_session_that_lives_on_after_a_migration_is_refused() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    script.done(login(5, SECOND, "b1234567")).unwrap();
    script.done(preview(4, AuthUnit::Line)).unwrap();
    let seen = script.perform(&Operation::Look { seat: 5 });
    let from = script.operations.len();
    script.done(migrate(4, AuthUnit::Line)).unwrap();
    script.answered(Operation::Look { seat: 5 }, seen);
    assert!(!script.is_explained());
    script.together(from);
    assert!(script.is_explained());
}

/// SESS-2: after a password change, only the session that continues is found.
#[test]
fn a_session_that_lives_on_after_a_change_is_refused() {
    let mut script = Script::by_number();
    script.done(login(4, FIRST, "a1234567")).unwrap();
    script.done(login(5, FIRST, "a1234567")).unwrap();
    let seen = script.perform(&Operation::Look { seat: 5 });
    script.done(change(4, 6, "a1234567", "c1234567")).unwrap();
    script.done(Operation::Look { seat: 6 }).unwrap();
    assert!(script.is_explained());
    script.answered(Operation::Look { seat: 5 }, seen);
    assert!(!script.is_explained());
}
