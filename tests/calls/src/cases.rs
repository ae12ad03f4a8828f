//! The calls of the test. All are made at the same time, each on a different line.

mod accepted;
mod mistaken;
mod refused;

use aikagi_api::units::v1::AuthUnit;

use self::accepted::ACCEPTED;
use self::mistaken::{CORRECTED, INVALID};
use self::refused::REFUSED;
use super::caller::{Act, Call, From};

/// The temporary password that every caller keys.
pub(super) const PASSWORD: &str = "48151623";

/// A line of the tests: the contract number (not subscribed), two subscribed numbers, one unsubscribed number.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// The contract number.
    pub(super) contract: String,
    /// Subscribed.
    pub(super) first: String,
    /// Subscribed.
    pub(super) second: String,
    /// Not subscribed.
    pub(super) unsubscribed: String,
}

impl Line {
    /// The line with this index.
    pub(super) fn numbered(index: u32) -> Self {
        let number = |last: u32| format!("0451{index:05}{last}");
        Self {
            contract: number(1),
            first: number(2),
            second: number(3),
            unsubscribed: number(4),
        }
    }

    /// The numbers, the contract number first. The flag is true if the number is subscribed.
    pub(super) fn numbers(&self) -> [(&str, bool); 4] {
        [
            (&self.contract, false),
            (&self.first, true),
            (&self.second, true),
            (&self.unsubscribed, false),
        ]
    }
}

/// The state of a line before the call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Past {
    /// The line is new.
    New,
    /// The first subscribed number has a permanent password under this unit (UNIT-2).
    Established(AuthUnit),
    /// The line is closed.
    Closed,
}

/// A call and its expected result.
pub(super) struct Case {
    /// The call.
    pub(super) call: Call,
    /// The guidance that the caller hears, in order: the first recording of each piece.
    pub(super) heard: Vec<&'static str>,
    /// All recordings, including the digits, for a caller who hears everything to the end.
    pub(super) to_the_end: Option<Vec<String>>,
    /// The account that logs in with [`PASSWORD`] after the call. `None`: the call changes nothing.
    pub(super) account: Option<String>,
    /// The line.
    pub(super) line: Line,
    /// The state of the line before the call.
    pub(super) past: Past,
}

/// Builds a case step by step.
struct Build {
    case: Case,
}

fn on(line: &Line, name: &str, caller: &str) -> Build {
    let asserted = Some(caller.to_owned());
    let user = "anonymous".to_owned();
    from(
        line,
        name,
        From {
            user,
            asserted,
            withheld: false,
        },
    )
}

fn from(line: &Line, name: &str, from: From) -> Build {
    Build {
        case: Case {
            call: Call {
                name: name.to_owned(),
                from,
                acts: Vec::new(),
                hangs_up: false,
            },
            heard: Vec::new(),
            to_the_end: None,
            account: None,
            line: line.clone(),
            past: Past::New,
        },
    }
}

impl Build {
    /// Sets the state of the line before the call.
    fn after(mut self, past: Past) -> Self {
        self.case.past = past;
        self
    }

    /// The caller hears at least the first words of these pieces of guidance.
    fn hears(mut self, pieces: &[&'static str]) -> Self {
        self.case.heard.extend(pieces);
        let acts = pieces.iter().map(|piece| Act::Hears((*piece).to_owned()));
        self.case.call.acts.extend(acts);
        self
    }

    /// The caller hears the rest of the last piece too.
    fn hears_out(mut self) -> Self {
        self.case.call.acts.push(Act::HearsOut);
        self
    }

    fn presses(mut self, keys: &str) -> Self {
        self.case.call.acts.push(Act::Presses(keys.to_owned()));
        self
    }

    fn hangs_up(mut self) -> Case {
        self.case.call.hangs_up = true;
        self.case
    }

    fn sets_nothing(self) -> Case {
        self.case
    }

    /// The call sets the password of this account.
    fn sets_on(mut self, account: &str) -> Case {
        self.case.account = Some(account.to_owned());
        self.case
    }

    /// The caller keys the password twice and hears that it is set.
    fn sets(self, account: &str) -> Case {
        self.presses(PASSWORD)
            .hears(&["confirm-password"])
            .presses(PASSWORD)
            .hears(&["password-set-before", "password-set-after"])
            .sets_on(account)
    }
}

type Make = fn(&Line) -> Case;

/// All cases, each on a different line.
pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut index = 0;
    let mut add = |make: &dyn Fn(&Line) -> Case| {
        cases.push(make(&Line::numbered(index)));
        index += 1;
    };
    for make in ACCEPTED {
        add(&make);
    }
    for make in INVALID {
        add(&make);
    }
    for make in CORRECTED {
        add(&make);
    }
    for make in REFUSED {
        add(&make);
    }
    for step in 0..4 {
        add(&|line: &Line| early(line, step));
    }
    for caller in 0..20 {
        add(&|line: &Line| {
            let name = format!("one-of-twenty-{caller}");
            let build = on(line, &name, &line.contract).hears(&["enter-unit"]);
            let build = build.presses("1").hears(&["enter-password-before"]);
            build.sets(&line.contract)
        });
    }
    cases
}

/// A few cases on random lines: each unit, and callers who are refused.
pub(super) fn few() -> Vec<Case> {
    let first = rand::random_range(1000..99_000);
    let accepted = ACCEPTED.into_iter().skip(1).step_by(2);
    let makes = accepted.chain(REFUSED);
    (first..)
        .zip(makes)
        .map(|(index, make)| make(&Line::numbered(index)))
        .collect()
}

/// IVR-12: a caller who hangs up after this number of entries.
fn early(line: &Line, entries: u32) -> Case {
    let target = format!("{}#", line.first);
    let keyed = ["2", target.as_str(), PASSWORD];
    let heard = ["enter-target", "enter-password-before", "confirm-password"];
    let name = format!("hangs-up-after-{entries}");
    let mut build = on(line, &name, &line.contract).hears(&["enter-unit"]);
    for (keys, piece) in keyed.into_iter().zip(heard).take(entries as usize) {
        build = build.presses(keys).hears(&[piece]);
    }
    build.hangs_up()
}
