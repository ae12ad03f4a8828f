//! Callers who make mistakes.

use aikagi_api::units::v1::AuthUnit;

use super::{Build, Case, Line, Make, PASSWORD, Past, on};

const OTHER: &str = "27182818";
/// The entry of a caller who presses no key.
const SILENCE: &str = "";

/// The question of each step, as pieces of guidance.
const UNIT: &[&str] = &["enter-unit"];
const TARGET: &[&str] = &["enter-target"];
const ENTER_PASSWORD: &[&str] = &["enter-password-before", "enter-password-after"];
const CONFIRM: &[&str] = &["confirm-password"];

/// IVR-3, IVR-6, IVR-7, IVR-11: invalid entries at each step. The third at one step ends the call.
pub(super) const INVALID: [Make; 14] = [
    |line| three(at_unit(line, "unit"), UNIT, ["4", "0", "9"]),
    |line| three(at_unit(line, "unit-keys"), UNIT, [SILENCE, "#", "*"]),
    |line| three(at_unit(line, "silent"), UNIT, [SILENCE; 3]),
    // UNIT-2: a unit other than the established one.
    |line| {
        let build = at_unit(line, "unit-not-established");
        let build = build.after(Past::Established(AuthUnit::Number));
        three(build, UNIT, ["1", "3", "1"])
    },
    // An unsubscribed additional number is not an account.
    |line| {
        let build = on(line, "unsubscribed-user", &line.unsubscribed).hears(&["enter-unit"]);
        three(build, UNIT, ["3"; 3])
    },
    |line| {
        let unsubscribed = format!("{}#", line.unsubscribed);
        let entries = [&unsubscribed, "0669990000#", "1234#"];
        three(at_target(line, "target"), TARGET, entries)
    },
    |line| {
        let other = format!("{}#", Line::numbered(0).first);
        let entries = [&other, "*#", "#"];
        three(at_target(line, "target-on-another-line"), TARGET, entries)
    },
    |line| {
        let entries = [SILENCE, "1#", "99999999999"];
        three(at_target(line, "target-keys"), TARGET, entries)
    },
    // The contract number is not subscribed, so it is not an account under this unit.
    |line| {
        let contract = format!("{}#", line.contract);
        let entries = [&contract, "*1#", SILENCE];
        three(at_target(line, "target-contract"), TARGET, entries)
    },
    |line| {
        let entries = ["1234567#", "*1#", "12#"];
        three(at_password(line, "password"), ENTER_PASSWORD, entries)
    },
    |line| {
        let entries = [SILENCE, "#", "1234567"];
        three(at_password(line, "password-keys"), ENTER_PASSWORD, entries)
    },
    |line| {
        let entries = ["*1234567", "*#", SILENCE];
        three(at_password(line, "password-star"), ENTER_PASSWORD, entries)
    },
    |line| {
        let entries = [OTHER, "48151624", "1#"];
        three(at_confirm(line, "never-the-same"), CONFIRM, entries)
    },
    |line| {
        let entries = [SILENCE, "#", "4815162*"];
        three(at_confirm(line, "confirm-keys"), CONFIRM, entries)
    },
];

/// IVR-7: mistakes that the caller corrects in time.
pub(super) const CORRECTED: [Make; 4] = [
    |line| {
        on(line, "corrected", &line.first)
            .hears(&["enter-unit"])
            .presses("7")
            .hears(&["invalid-entry"])
            .presses("2")
            .hears(&["enter-target"])
            .presses("99#")
            .hears(&["invalid-entry"])
            .presses(&format!("{}#", line.first))
            .hears(&["enter-password-before"])
            .presses("123#")
            .hears(&["invalid-entry"])
            .presses(PASSWORD)
            .hears(&["confirm-password"])
            .presses(OTHER)
            .hears(&["invalid-entry"])
            .presses(PASSWORD)
            .hears(&["password-set-before", "password-set-after"])
            .sets_on(&line.first)
    },
    |line| {
        on(line, "corrected-unit", &line.contract)
            .after(Past::Established(AuthUnit::Number))
            .hears(&["enter-unit"])
            .presses("1")
            .hears(&["invalid-entry"])
            .presses("2")
            .hears(&["enter-target"])
            .presses(&format!("{}#", line.second))
            .hears(&["enter-password-before"])
            .sets(&line.second)
    },
    // A caller may end every entry with the hash key. Where the key is not needed, it interrupts
    // the next question, and that question starts again.
    |line| {
        on(line, "always-hash", &line.first)
            .hears(&["enter-unit"])
            .presses("2")
            .hears(&["enter-target"])
            .presses("#")
            .hears(&["enter-target"])
            .presses(&format!("{}#", line.first))
            .hears(&["enter-password-before"])
            .presses(PASSWORD)
            .hears(&["confirm-password"])
            .presses("#")
            .hears(&["confirm-password"])
            .presses(PASSWORD)
            .hears(&["password-set-before", "password-set-after"])
            .sets_on(&line.first)
    },
    // Eight keys, one of which is not a digit.
    |line| {
        on(line, "a-star-in-it", &line.first)
            .hears(&["enter-unit"])
            .presses("3")
            .hears(&["enter-password-before"])
            .presses("1234567*")
            .hears(&["invalid-entry"])
            .sets(&line.first)
    },
];

fn at_unit(line: &Line, name: &str) -> Build {
    on(line, &format!("wrong-{name}"), &line.contract).hears(&["enter-unit"])
}

fn at_target(line: &Line, name: &str) -> Build {
    let build = at_unit(line, name).presses("2");
    build.hears(&["enter-target"])
}

fn at_password(line: &Line, name: &str) -> Build {
    on(line, &format!("wrong-{name}"), &line.first)
        .hears(&["enter-unit"])
        .presses("3")
        .hears(&["enter-password-before"])
}

fn at_confirm(line: &Line, name: &str) -> Build {
    let build = at_password(line, name).presses(PASSWORD);
    build.hears(&["confirm-password"])
}

/// Three invalid entries at one step. The caller has heard the first piece of the question. A key
/// interrupts the rest of the question. A silent caller hears all of it.
fn three(mut build: Build, question: &[&'static str], entries: [&str; 3]) -> Case {
    let mut left = question.get(1..).unwrap_or_default();
    let answers = ["invalid-entry", "invalid-entry", "too-many-invalid"];
    for (keys, answer) in entries.into_iter().zip(answers) {
        build = if keys == SILENCE {
            build.hears(left)
        } else {
            build.presses(keys)
        };
        build = build.hears(&[answer]);
        left = question;
    }
    build.sets_nothing()
}
