//! The checker rejects histories with more attempts at a password than its limit (LOGIN-2).

use super::{FIRST, Progress, Progressed, Script, line, login, set};

/// LOGIN-2: after three wrong attempts at a temporary password, the right one does not log in.
#[test]
fn a_fourth_attempt_is_refused() {
    let mut script = Script::by_number();
    script.done(set(FIRST, "11111111")).unwrap();
    let fresh = script.situation.clone();
    let from = script.operations.len();
    for seat in 4..7 {
        script.done(login(seat, FIRST, "99999999")).unwrap_err();
    }
    script.situation = fresh;
    script.done(login(7, FIRST, "11111111")).unwrap();
    assert!(
        !script.is_explained(),
        "the checker accepted the right password after three wrong attempts"
    );
    script.together(from);
    assert!(
        script.is_explained(),
        "the checker rejected concurrent attempts, although the right one may come first"
    );
}

/// LOGIN-2: the tenth attempt at a permanent password may succeed, the eleventh may not.
#[test]
fn an_eleventh_attempt_is_refused() {
    for (wrong, explained) in [(9, true), (10, false)] {
        let mut script = Script::by_number();
        let fresh = script.situation.clone();
        for seat in 4..4 + wrong {
            script.done(login(seat, FIRST, "wrong123")).unwrap_err();
        }
        let guessed = script.situation.clone();
        script.situation = fresh;
        // The response of a system that has lost the count.
        let opened = script.perform(&login(20, FIRST, "a1234567"));
        script.situation = guessed;
        let system = script.perform(&login(20, FIRST, "a1234567"));
        assert_eq!(system.is_ok(), explained);
        script.answered(login(20, FIRST, "a1234567"), system.or(opened));
        assert_eq!(
            script.is_explained(),
            explained,
            "after {wrong} wrong attempts"
        );
    }
}

/// LOGIN-2, LOGIN-4: concurrent attempts are all charged, each exactly once.
#[test]
fn concurrent_attempts_are_all_charged() {
    let mut script = Script::by_number();
    let from = script.operations.len();
    for seat in 4..8 {
        script.done(login(seat, FIRST, "wrong123")).unwrap_err();
    }
    let charged = script.situation.clone();
    script.together(from);
    script.done(line()).unwrap();
    assert!(script.is_explained());
    script.operations.pop();
    script.situation = charged;
    script.perform(&login(8, FIRST, "wrong123")).unwrap_err();
    script.done(line()).unwrap();
    assert!(
        !script.is_explained(),
        "the checker accepted five charges for four attempts"
    );
}

/// LOGIN-4: the charge of an attempt that fails by a fault is refunded. Until then, another attempt
/// may be refused because the limit is reached.
#[test]
fn refunded_attempts_were_charged_meanwhile() {
    for (lost, explained) in [(1, false), (2, true)] {
        let mut script = Script::by_number();
        script.done(set(FIRST, "11111111")).unwrap();
        let from = script.operations.len();
        let refused = script.done(login(4, FIRST, "99999999"));
        script.answered(login(5, FIRST, "99999999"), refused);
        let answered = script.operations.len();
        for seat in 6..6 + lost {
            script.lost(login(seat, FIRST, "99999999"));
        }
        script.together(from);
        script.done(line()).unwrap();
        assert!(
            !script.is_explained(),
            "the checker accepted a refund, although nothing had failed"
        );
        for recorded in &mut script.operations[answered..] {
            recorded.is_after_a_fault = true;
        }
        assert_eq!(
            script.is_explained(),
            explained,
            "with {lost} lost attempts"
        );
    }
}

/// LOGIN-3, LOGIN-4: after a fault, the charge of a right password does not count. Only a crash of authentication may
/// lose the refund.
#[test]
fn only_a_crash_leaves_the_charge_of_a_right_password() {
    for (typed, is_counted, crash, explained) in [
        ("a1234567", true, false, false),
        ("a1234567", true, true, true),
        ("a1234567", false, false, true),
        ("wrong123", true, false, true),
    ] {
        let mut script = Script::by_number();
        script.lost(login(4, FIRST, typed));
        let recorded = script.operations.last_mut().unwrap();
        (recorded.is_after_a_fault, recorded.is_after_a_crash) = (true, crash);
        if is_counted {
            let attempt = Progress::begin(&login(4, FIRST, typed), &script.situation);
            let charged = script.situation.step(attempt, false);
            assert!(matches!(charged, Progressed::Continues(_)));
        }
        let quiet = script.now + 1;
        script.operations.last_mut().unwrap().ended = quiet;
        script.now = quiet;
        script.done(line()).unwrap();
        assert_eq!(
            script.is_explained(),
            explained,
            "{typed}, counted: {is_counted}, crash: {crash}"
        );
    }
}
