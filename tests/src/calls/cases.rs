//! The calls that callers make, each on a line of its own, all at the same time.

use super::caller::{Act, Call, From};

/// The eight digits of every caller here.
pub(super) const PASSWORD: &str = "48151623";
const OTHER: &str = "27182818";

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

/// A call, what is heard in it, and what it comes to.
pub(super) struct Case {
    /// The call.
    pub(super) call: Call,
    /// The guidance heard, in order: what begins each piece.
    pub(super) heard: Vec<&'static str>,
    /// Every recording, digits too; only for callers who let everything be said.
    pub(super) to_the_end: Option<Vec<String>>,
    /// The account that logs in with [`PASSWORD`] then; without one nothing was set.
    pub(super) account: Option<String>,
    /// The line.
    pub(super) line: Line,
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
        },
    }
}

impl Build {
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
    for make in MISTAKEN {
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

type Make = fn(&Line) -> Case;

/// IVR-1 to IVR-8: all three units, and each kind of caller.
const ACCEPTED: [Make; 9] = [
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
    // The trunk writes numbers with the country's code.
    |line| {
        let abroad = format!("+81{}", line.contract.trim_start_matches('0'));
        on(line, "with-country-code", &abroad)
            .hears(&["enter-unit"])
            .presses("1")
            .hears(&["enter-password-before"])
            .sets(&line.contract)
    },
];

/// IVR-3, IVR-6, IVR-7, IVR-11: mistakes, mended and not.
const MISTAKEN: [Make; 9] = [
    |line| {
        let build = on(line, "wrong-unit", &line.contract).hears(&["enter-unit"]);
        three(build, ["4", "0", "9"])
    },
    |line| {
        let build = on(line, "wrong-target", &line.contract)
            .hears(&["enter-unit"])
            .presses("2")
            .hears(&["enter-target"]);
        let others = [
            format!("{}#", line.unsubscribed),
            "0669990000#".to_owned(),
            "1234#".to_owned(),
        ];
        three(build, others.each_ref().map(String::as_str))
    },
    |line| {
        let build = on(line, "target-on-another-line", &line.contract)
            .hears(&["enter-unit"])
            .presses("2")
            .hears(&["enter-target"]);
        let other = format!("{}#", Line::numbered(0).first);
        three(build, [&other, "*#", "#"])
    },
    |line| {
        let build = on(line, "wrong-password", &line.first)
            .hears(&["enter-unit"])
            .presses("3")
            .hears(&["enter-password-before"]);
        three(build, ["1234567#", "*1#", "12#"])
    },
    |line| {
        let build = on(line, "never-the-same", &line.first)
            .hears(&["enter-unit"])
            .presses("3")
            .hears(&["enter-password-before"])
            .presses(PASSWORD)
            .hears(&["confirm-password"]);
        three(build, [OTHER, "48151624", "1#"])
    },
    |line| {
        on(line, "mended", &line.first)
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
        on(line, "silent", &line.contract)
            .hears(&[
                "enter-unit",
                "invalid-entry",
                "enter-unit",
                "invalid-entry",
                "enter-unit",
            ])
            .hears(&["too-many-invalid"])
            .sets_nothing()
    },
    // Closing every entry with the hash is no mistake: the question that it interrupts begins again.
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
    // Eight keys of which one is no digit.
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

/// IVR-11: callers who cannot be accepted, and some who would like to be somebody else.
const REFUSED: [Make; 8] = [
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
    |line| refused(on(line, "absurd", &"9".repeat(200))),
    |line| refused(on(line, "a-word", "operator")),
    // Whoever calls can write a number into From; the network has asserted none.
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
    // What From says is not believed where the network asserts another number.
    |line| {
        let caller = From {
            user: line.contract.clone(),
            asserted: Some("0669990000".to_owned()),
            withheld: false,
        };
        refused(from(line, "spoofed", caller))
    },
];

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

/// Three invalid entries of one step. Whoever presses a key hears the beginning of the question, at most.
fn three(mut build: Build, entries: [&str; 3]) -> Case {
    for (count, keys) in entries.into_iter().enumerate() {
        let heard = if count < 2 {
            "invalid-entry"
        } else {
            "too-many-invalid"
        };
        build = build.presses(keys).hears(&[heard]);
    }
    build.sets_nothing()
}

fn refused(build: Build) -> Case {
    build.hears(&["call-refused"]).sets_nothing()
}

/// The recordings of guidance about a number, but for the pauses, in which nothing is heard.
fn read_out(guidance: &str, number: &str) -> Vec<String> {
    let mut all = vec![format!("{guidance}-before")];
    all.extend(number.chars().map(|digit| format!("digit-{digit}")));
    all.push(format!("{guidance}-after"));
    all
}
