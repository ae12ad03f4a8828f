//! Callers who are refused.

use super::super::caller::From;
use super::{Build, Case, Make, Past, from, on};

/// IVR-11: callers who are refused. Some of them pretend to have another number.
pub(super) const REFUSED: [Make; 9] = [
    |line| {
        let caller = From {
            user: "anonymous".to_owned(),
            asserted: Some(line.contract.clone()),
            withheld: true,
        };
        refused(from(line, "withheld", caller))
    },
    |line| {
        let caller = From {
            user: "anonymous".to_owned(),
            ..From::default()
        };
        refused(from(line, "anonymous", caller))
    },
    |line| refused(on(line, "unknown", "0669990000")),
    |line| refused(on(line, "closed", &line.contract).after(Past::Closed)),
    |line| refused(on(line, "absurd", &"9".repeat(200))),
    |line| refused(on(line, "a-word", "operator")),
    // A caller can write any number into From. The network has asserted no number.
    |line| {
        let caller = From {
            user: line.contract.clone(),
            ..From::default()
        };
        refused(from(line, "from-alone", caller))
    },
    |line| {
        let caller = From {
            user: format!(
                "x%0Aagi_callerid%3A%20{}%0Aagi_callingpres%3A%200",
                line.contract
            ),
            asserted: Some("anonymous".to_owned()),
            withheld: false,
        };
        refused(from(line, "smuggled", caller))
    },
    // The number in From does not count if the network asserts another one.
    |line| {
        let caller = From {
            user: line.contract.clone(),
            asserted: Some("0669990000".to_owned()),
            withheld: false,
        };
        refused(from(line, "spoofed", caller))
    },
];

fn refused(build: Build) -> Case {
    build.hears(&["call-refused"]).sets_nothing()
}
