//! Callers who make no mistakes.

use super::{Make, on};

/// IVR-1 to IVR-8: all three units, and each kind of caller.
pub(super) const ACCEPTED: [Make; 9] = [
    |line| {
        let mut case = on(line, "patient", &line.contract)
            .hears(&["enter-unit"])
            .hears_out()
            .presses("1")
            .hears(&["enter-password-before", "enter-password-after"])
            .hears_out()
            .sets(&line.contract);
        let mut all = vec!["enter-unit".to_owned()];
        all.extend(read_out("enter-password", &line.contract));
        all.push("confirm-password".to_owned());
        all.extend(read_out("password-set", &line.contract));
        case.to_the_end = Some(all);
        case
    },
    |line| {
        on(line, "line-by-additional", &line.first)
            .hears(&["enter-unit"])
            .presses("1")
            .hears(&["enter-password-before"])
            .sets(&line.contract)
    },
    |line| {
        on(line, "line-by-unsubscribed", &line.unsubscribed)
            .hears(&["enter-unit"])
            .presses("1")
            .hears(&["enter-password-before"])
            .sets(&line.contract)
    },
    |line| {
        on(line, "number-by-contract", &line.contract)
            .hears(&["enter-unit"])
            .presses("2")
            .hears(&["enter-target"])
            .presses(&format!("{}#", line.first))
            .hears(&["enter-password-before"])
            .sets(&line.first)
    },
    |line| {
        on(line, "number-by-another", &line.first)
            .hears(&["enter-unit"])
            .presses("2")
            .hears(&["enter-target"])
            .presses(&format!("{}#", line.second))
            .hears(&["enter-password-before"])
            .sets(&line.second)
    },
    |line| {
        on(line, "administrator-itself", &line.contract)
            .hears(&["enter-unit"])
            .presses("3")
            .hears(&["enter-target"])
            .presses(&format!("{}#", line.contract))
            .hears(&["enter-password-before"])
            .sets(&line.contract)
    },
    |line| {
        on(line, "administrator-for-user", &line.contract)
            .hears(&["enter-unit"])
            .presses("3")
            .hears(&["enter-target"])
            .presses(&format!("{}#", line.second))
            .hears(&["enter-password-before"])
            .sets(&line.second)
    },
    |line| {
        on(line, "user-itself", &line.first)
            .hears(&["enter-unit"])
            .presses("3")
            .hears(&["enter-password-before"])
            .sets(&line.first)
    },
    // The trunk may write numbers with the country code.
    |line| {
        let abroad = format!("+81{}", line.contract.trim_start_matches('0'));
        on(line, "with-country-code", &abroad)
            .hears(&["enter-unit"])
            .presses("1")
            .hears(&["enter-password-before"])
            .sets(&line.contract)
    },
];

/// The recordings of guidance that reads out a number, without the pauses.
fn read_out(guidance: &str, number: &str) -> Vec<String> {
    let mut all = vec![format!("{guidance}-before")];
    all.extend(number.chars().map(|digit| format!("digit-{digit}")));
    all.push(format!("{guidance}-after"));
    all
}
