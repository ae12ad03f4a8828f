use aikagi_domain::dialog::{
    CallOutcome, CallStep, Entry, INVALID_LIMIT, Next, Setting, Turn, check_setting, start,
};
use aikagi_domain::guidance::GuidanceId;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::{AuthUnit, Line, Member, UnitState};

const CONTRACT: &str = "0311110001";
const USER: &str = "0311110002";
const PLAIN: &str = "0311110003";

/// IVR-1 to IVR-8, IVR-11: a call. The first line of the text is the caller; each further line is an entry.
/// `-` is silence and `!` hangs up. `close`, `subscribe NUMBER`, `choose UNIT` and `establish UNIT` change the
/// caller's line during the call. `subscribe` turns the subscription of a number on or off.
pub fn dialog(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.lines();
    let caller = lines
        .next()
        .and_then(|text| TelephoneNumber::parse(text).ok());
    let mut line = a_line();
    let mut call = Call::begin(caller, &line);
    for text in lines {
        match change(&line, text) {
            Some(changed) => line = changed,
            None => call.enter(&line, text),
        }
    }
}

/// A call, with a count of invalid entries that does not come from its state.
struct Call {
    caller: Option<TelephoneNumber>,
    turn: Turn,
    /// The number of invalid entries in this step so far.
    invalid: u8,
    /// The last entry that the dialog accepted.
    taken: String,
}

impl Call {
    fn begin(caller: Option<TelephoneNumber>, line: &Line) -> Self {
        let turn = start(caller.as_ref(), Some(line));
        assert!(turn.set.is_none());
        Self {
            caller,
            turn,
            invalid: 0,
            taken: String::new(),
        }
    }

    fn enter(&mut self, line: &Line, text: &str) {
        let state = self.turn.state.clone();
        let caller = self.caller.as_ref();
        let take = |state: aikagi_domain::dialog::CallState| match text {
            "!" => state.hang_up(),
            "-" => state.turn(caller, Some(line), Entry::Silence),
            keys => state.turn(caller, Some(line), Entry::Keys(keys)),
        };
        let turn = take(state.clone());
        assert_eq!(turn, take(state), "the same turn has different results");
        let before = std::mem::replace(&mut self.turn, turn);
        self.check_turn(&before, line, text);
    }

    fn check_turn(&mut self, before: &Turn, line: &Line, text: &str) {
        let turn = &self.turn;
        let outcome = ended(turn);
        assert_eq!(turn.set.is_some(), newly_set(before, turn));
        let Some(step) = collecting(before) else {
            assert_eq!(
                outcome,
                ended(before),
                "the outcome of an ended call changed"
            );
            assert!(turn.guidance.is_empty());
            return;
        };
        if text == "!" {
            assert_eq!(outcome, Some(CallOutcome::HungUp));
            return;
        }
        if let Some(setting) = &turn.set {
            assert_eq!(step, CallStep::Confirm);
            self.check_set(line, setting, text);
        }
        let is_accepted = self.caller.as_ref().is_some_and(|caller| line.has(caller));
        let refused = line.closed || !is_accepted;
        assert_eq!(outcome == Some(CallOutcome::Refused), refused);
        let too_many = outcome == Some(CallOutcome::TooManyInvalid);
        if collecting(turn) == Some(step) || too_many {
            self.invalid += 1;
            assert_eq!(self.invalid == INVALID_LIMIT, too_many);
            let guidance = if too_many {
                GuidanceId::TooManyInvalid
            } else {
                GuidanceId::InvalidEntry
            };
            assert_eq!(turn.guidance[0].id, guidance);
        } else {
            self.invalid = 0;
            text.clone_into(&mut self.taken);
        }
        for number in turn
            .guidance
            .iter()
            .filter_map(|guidance| guidance.number.as_ref())
        {
            assert!(line.has(number), "a number of another line was read out");
        }
    }

    fn check_set(&self, line: &Line, setting: &Setting, text: &str) {
        let [once, again] = [self.taken.as_str(), text].map(|keys| keys.trim_end_matches('#'));
        assert_eq!(once, again);
        assert_eq!(setting.password.expose(), again.as_bytes());
        assert!(again.len() == 8 && again.bytes().all(|key| key.is_ascii_digit()));
        let target = Some(&setting.target);
        let allowed = check_setting(self.caller.as_ref(), Some(line), setting.unit, target);
        assert_eq!(allowed.as_ref(), Ok(&setting.target));
        assert!(line.role(setting.unit, &setting.target).is_some());
        assert!(line.state.choose(setting.unit).is_ok());
    }
}

fn newly_set(before: &Turn, turn: &Turn) -> bool {
    collecting(before).is_some() && ended(turn) == Some(CallOutcome::Set)
}

fn collecting(turn: &Turn) -> Option<CallStep> {
    match turn.next {
        Next::Collect { step, .. } => Some(step),
        Next::End(_) => None,
    }
}

fn ended(turn: &Turn) -> Option<CallOutcome> {
    match turn.next {
        Next::Collect { .. } => None,
        Next::End(outcome) => Some(outcome),
    }
}

fn a_line() -> Line {
    let member = |text, subscribed| Member {
        number: TelephoneNumber::parse(text).expect("the number is valid"),
        subscribed,
    };
    let members = vec![
        member(CONTRACT, false),
        member(USER, true),
        member(PLAIN, false),
    ];
    Line {
        contract_number: members[0].number.clone(),
        members,
        state: UnitState::Unset,
        closed: false,
        version: 0,
    }
}

/// The line after a change; `None` if the text is not a change.
fn change(line: &Line, text: &str) -> Option<Line> {
    let mut line = line.clone();
    match text.split_once(' ').unwrap_or((text, "")) {
        ("close", "") => line.closed = true,
        ("subscribe", number) => {
            let of = |member: &&mut Member| member.number.as_str() == number;
            let member = line.members.iter_mut().find(of)?;
            member.subscribed = !member.subscribed;
        }
        ("choose", unit) => line.state = UnitState::Chosen(AuthUnit::parse(unit).ok()?),
        ("establish", unit) => line.state = UnitState::Established(AuthUnit::parse(unit).ok()?),
        _ => return None,
    }
    Some(line)
}
