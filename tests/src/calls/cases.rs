//! The calls that callers make, each on a line of its own, all at the same time.

mod accepted;
mod mistaken;
mod refused;

use aikagi_api::units::v1::AuthUnit;

use self::accepted::ACCEPTED;
use self::mistaken::{INVALID, MENDED};
use self::refused::REFUSED;
use super::caller::{Act, Call, From};

/// The eight digits of every caller here.
pub(super) const PASSWORD: &str = "48151623";

/// A line of the tests: contract number (not subscribed), two subscribed numbers, one that is not.
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

    /// Its numbers with whether each is subscribed, the contract number first.
    pub(super) fn numbers(&self) -> [(&str, bool); 4] {
        [
            (&self.contract, false),
            (&self.first, true),
            (&self.second, true),
            (&self.unsubscribed, false),
        ]
    }
}

/// What has become of a line before the call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Past {
    /// It was added.
    New,
    /// Its first subscribed number has a permanent password in this unit (UNIT-2).
    Established(AuthUnit),
    /// It was closed.
    Closed,
}

/// A call, what is heard in it, and what it comes to.
pub(super) struct Case {
    /// The call.
    pub(super) call: Call,
    /// The guidance heard, in order: what begins each piece.
    pub(super) heard: Vec<&'static str>,
    /// Every recording, digits too; only for callers who let everything be said.
    pub(super) to_the_end: Option<Vec<String>>,
    /// The account that logs in with [`PASSWORD`] then; without one nothing has changed.
    pub(super) account: Option<String>,
    /// The line.
    pub(super) line: Line,
    /// What has become of it before.
    pub(super) past: Past,
}

/// Describes a case step by step.
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
    /// Before the call this has become of the line.
    fn after(mut self, past: Past) -> Self {
        self.case.past = past;
        self
    }

    /// These pieces of guidance are heard, at least their first words.
    fn hears(mut self, pieces: &[&'static str]) -> Self {
        self.case.heard.extend(pieces);
        let acts = pieces.iter().map(|piece| Act::Hears((*piece).to_owned()));
        self.case.call.acts.extend(acts);
        self
    }

    /// The rest of the last one is heard, too.
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

    /// Has set the password of that account.
    fn sets_on(mut self, account: &str) -> Case {
        self.case.account = Some(account.to_owned());
        self.case
    }

    /// Keys the password twice, and hears that it is set.
    fn sets(self, account: &str) -> Case {
        self.presses(PASSWORD)
            .hears(&["confirm-password"])
            .presses(PASSWORD)
            .hears(&["password-set-before", "password-set-after"])
            .sets_on(account)
    }
}

type Make = fn(&Line) -> Case;

/// Every case, each on a line that no other has.
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
    for make in MENDED {
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

/// A few, on lines that no earlier run has used: each unit, and callers who cannot be accepted.
pub(super) fn few() -> Vec<Case> {
    let first = rand::random_range(1000..99_000);
    let accepted = ACCEPTED.into_iter().skip(1).step_by(2);
    let makes = accepted.chain(REFUSED);
    (first..)
        .zip(makes)
        .map(|(index, make)| make(&Line::numbered(index)))
        .collect()
}

/// IVR-12: a caller who hangs up after so many entries.
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
