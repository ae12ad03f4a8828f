//! More guesses than a password bears (LOGIN-2) are refused.

use super::{FIRST, Script, line, login, set};

/// LOGIN-2: a fourth attempt at a temporary password does not open, however the first three are ordered.
#[test]
fn a_fourth_attempt_is_refused() {
    let mut script = Script::by_number();
    script.done(set(FIRST, "11111111")).unwrap();
    let fresh = script.situation.clone();
    let from = script.calls.len();
    for seat in 4..7 {
        script.done(login(seat, FIRST, "99999999")).unwrap_err();
    }
    script.situation = fresh;
    script.done(login(7, FIRST, "11111111")).unwrap();
    assert!(!script.is_explained(), "one after another");
    script.together(from);
    assert!(
        script.is_explained(),
        "at once the right one may come first"
    );
}

/// LOGIN-2: nor does an eleventh attempt at a permanent one; the tenth does.
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
        // A count that is forgotten.
        let opened = script.at_once(&login(20, FIRST, "a1234567"));
        script.situation = guessed;
        let system = script.at_once(&login(20, FIRST, "a1234567"));
        assert_eq!(system.is_ok(), explained);
        script.told(login(20, FIRST, "a1234567"), system.or(opened));
        assert_eq!(script.is_explained(), explained, "{wrong}");
    }
}

/// LOGIN-2, LOGIN-4: attempts at once are charged too: no more, and no fewer.
#[test]
fn attempts_at_once_are_all_charged() {
    let mut script = Script::by_number();
    let from = script.calls.len();
    for seat in 4..8 {
        script.done(login(seat, FIRST, "wrong123")).unwrap_err();
    }
    let charged = script.situation.clone();
    script.together(from);
    script.done(line()).unwrap();
    assert!(script.is_explained());
    script.calls.pop();
    script.situation = charged;
    script.at_once(&login(8, FIRST, "wrong123")).unwrap_err();
    script.done(line()).unwrap();
    assert!(!script.is_explained(), "five charges of four attempts");
}

/// LOGIN-4: an attempt that failed for a fault of ours is given back; what came meanwhile may have found none left.
#[test]
fn attempts_that_are_given_back_were_charged_meanwhile() {
    for (lost, explained) in [(1, false), (2, true)] {
        let mut script = Script::by_number();
        script.done(set(FIRST, "11111111")).unwrap();
        let from = script.calls.len();
        let refused = script.done(login(4, FIRST, "99999999"));
        script.told(login(5, FIRST, "99999999"), refused);
        let answered = script.calls.len();
        for seat in 6..6 + lost {
            script.lost(login(seat, FIRST, "99999999"));
        }
        script.together(from);
        script.done(line()).unwrap();
        assert!(!script.is_explained(), "nothing has failed");
        for call in &mut script.calls[answered..] {
            call.is_troubled = true;
        }
        assert_eq!(script.is_explained(), explained, "{lost}");
    }
}
